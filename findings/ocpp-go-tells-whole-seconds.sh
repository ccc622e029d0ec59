#!/usr/bin/env bash
# ocpp-go writes every time in whole seconds: what was 01:02:03.456 leaves as 01:02:03, also where a message is read and
# passed on.
# Seen with ocpp-go 0.19.0, OCPP 1.6 and 2.0.1 alike (types.DateTimeFormat changes it, for the whole process).
# Why it matters: two events of one second (start and first reading, a fault and its end) come with one time; a proxy
# between station and CSMS makes two readings of a second contradict each other. Order by sequence and arrival, not by
# time alone.
# The guess was: times keep their milliseconds, which OCPP recommends at most.
# Exits 0 when the fraction is dropped, 1 when it is kept, 2 when the module cannot be had.
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

	"github.com/lorenzodonini/ocpp-go/ocpp1.6/core"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/availability"
)

const start = `{"connectorId": 1, "idTag": "A", "meterStart": 5, "timestamp": "2026-01-01T01:02:03.456Z"}`
const status = `{"timestamp": "2026-01-01T01:02:03.456Z", "connectorStatus": "Available", "evseId": 1,
	"connectorId": 1}`

func passedOn(text string, message any) string {
	if err := json.Unmarshal([]byte(text), message); err != nil {
		panic(err)
	}
	again, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	fmt.Println("came:", text)
	fmt.Println("left:", string(again))
	return string(again)
}

func main() {
	first := passedOn(start, &core.StartTransactionRequest{})
	second := passedOn(status, &availability.StatusNotificationRequest{})
	if strings.Contains(first+second, "456") {
		os.Exit(1)
	}
}
GO
go mod tidy 2>/dev/null || exit 2
go build -o finding . && ./finding
