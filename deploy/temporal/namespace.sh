#!/bin/sh
# Run by Temporal's admin-tools once the server answers: the namespace, and the search attributes
# that follow-ups carry. It may be run again at any time, against any cluster that
# TEMPORAL_ADDRESS names; it is over when the server knows them, which takes some seconds the first
# time.
set -eu

attributes() {
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
        --name AftercareSop --type Keyword \
        --name AftercareCustomer --type Keyword \
        --name AftercareClause --type Keyword \
        --name AftercareNextDue --type Datetime \
        --name AftercareOnHold --type Bool \
        --name AftercareOpenComplaints --type Int
}

patiently() {
    tries=30
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "gave up: $*" >&2; exit 1; }
        sleep 2
    done
}

patiently temporal operator cluster health
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" \
        --retention "$NAMESPACE_RETENTION"
patiently attributes
