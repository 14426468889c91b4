#!/bin/sh
# Run once by the PostgreSQL image, on an empty data directory: a role for Temporal, a role for us,
# and each one's databases, closed to the other.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --no-psqlrc \
     --set temporal="$ENGINE_DB_PASSWORD" --set crm="$CRM_DB_PASSWORD" <<'SQL'
create role temporal login password :'temporal';
create role aftercare login password :'crm';
create database temporal owner temporal;
create database temporal_visibility owner temporal;
create database aftercare owner aftercare;
revoke connect on database temporal from public;
revoke connect on database temporal_visibility from public;
revoke connect on database aftercare from public;
SQL
