#!/usr/bin/env bash
# The partner API with curl and openssl: a quote, an order, what its borrower has to read, and the stream of statuses.
#   PLATFORM=http://127.0.0.1:8000 bash partner.sh
set -euo pipefail
PLATFORM=${PLATFORM:-http://127.0.0.1:8000} APP_ID=${APP_ID:-loanhub} SECRET=${SECRET:-sandbox-LOANHUB}
PHONE=${PHONE:-13800138001} ID_NUMBER=${ID_NUMBER:-330106199003070030} ORDER=${ORDER:-curl-$(date +%s)}

# call METHOD OPERATION [QUERY] [BODY]: the query's parts sorted, as they stand in the address
call() {
  local path=/partner/v1/$2 query=${3:-} body=${4:-} timestamp nonce hash signature
  timestamp=$(date +%s) nonce=$(openssl rand -hex 16)
  hash=$(printf %s "$body" | openssl dgst -sha256 -r | cut -d' ' -f1)
  query=$(printf %s "$query" | tr '&' '\n' | LC_ALL=C sort | paste -sd'&' -)
  signature=$(printf '%s\n%s\n%s\n%s\n%s\n%s' "$1" "$path" "$query" "$timestamp" "$nonce" "$hash" |
    openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)
  curl -sS --fail-with-body -X "$1" "$PLATFORM$path${query:+?$query}" -H 'Content-Type: application/json' \
    -H "X-App-Id: $APP_ID" -H "X-Timestamp: $timestamp" -H "X-Nonce: $nonce" -H "X-Signature: $signature" \
    ${body:+--data-binary "$body"}
  echo
}

call POST quote "" '{"product": "LINE", "amount_cents": 1000000, "months": 12}'
call POST applications "" "{\"order_id\": \"$ORDER\", \"phone\": \"$PHONE\", \"product\": \"LINE\", \"amount_cents\": 1000000,
  \"months\": 12, \"name\": \"王小明\", \"id_number\": \"$ID_NUMBER\", \"province\": \"ZJ\", \"employment\": \"4_7y\",
  \"net_income_cents\": 1500000, \"contacts\": [{\"relation\": \"spouse\", \"name\": \"李芳\", \"phone\": \"13900139000\"}]}" |
  tee order.json
APPLICATION=$(sed -E 's/.*"application_id": ?"([^"]+)".*/\1/' order.json)
call GET agreements "moment=apply&application_id=$APPLICATION" | cut -c1-300
call GET events "limit=10&after=0"
