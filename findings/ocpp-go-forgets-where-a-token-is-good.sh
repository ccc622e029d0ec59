#!/usr/bin/env bash
# idTokenInfo of OCPP 2.0.1 may name the EVSEs that a token is good for (evseId). ocpp-go does not know the field: it is
# dropped from the answers to Authorize and TransactionEvent and from local lists, on reading and on writing.
# Seen with ocpp-go 0.19.0.
# Why it matters: the restriction never reaches the station, or the CSMS. Say NotAtThisLocation for the other EVSEs
# instead, when they are asked about.
# The guess was: it is an optional field like the others.
# Exits 0 when the field is dropped, 1 when it is kept, 2 when the module cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >go.mod <<'MODULE'
module finding

go 1.23
MODULE
go get github.com/lorenzodonini/ocpp-go@v0.19.0 2>/dev/null || exit 2
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/authorization"
)

const answer = `{"idTokenInfo": {"status": "Accepted", "evseId": [2], "chargingPriority": 1}}`

func main() {
	response := &authorization.AuthorizeResponse{}
	if err := json.Unmarshal([]byte(answer), response); err != nil {
		panic(err)
	}
	left, err := json.Marshal(response)
	if err != nil {
		panic(err)
	}
	fmt.Println("came:", answer)
	fmt.Println("left:", string(left))
	if strings.Contains(string(left), "evseId") || !strings.Contains(string(left), "chargingPriority") {
		os.Exit(1)
	}
}
GO
go mod tidy 2>/dev/null || exit 2
go build -o finding . && ./finding
