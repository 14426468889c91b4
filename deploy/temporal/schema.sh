#!/bin/sh
# Run by Temporal's admin-tools before each start of the server: brings both of its databases to the
# schema of this image; nothing is done where they have it. Host, port, user and password come from
# SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD, so that no password stands in a list of processes.
set -eu

schema=/etc/temporal/schema/postgresql/v12
for each in temporal:temporal temporal_visibility:visibility; do
    database=${each%%:*} versions=$schema/${each#*:}/versioned
    temporal-sql-tool --plugin postgres12 --db "$database" setup-schema --version 0.0
    temporal-sql-tool --plugin postgres12 --db "$database" update-schema --schema-dir "$versions"
done
