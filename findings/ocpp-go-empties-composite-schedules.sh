#!/usr/bin/env bash
# The answer to GetCompositeSchedule of OCPP 2.0.1 carries evseId, duration, scheduleStart, unit and periods side by
# side in "schedule". ocpp-go expects other names one level deeper: what a station answers by the specification arrives
# as Accepted with an empty schedule, and without any error.
# Seen with ocpp-go 0.19.0.
# Why it matters: an empty schedule reads as "no limit". Load management that checks what its profiles add up to gets
# that answer from every station, and a station on it answers what no other CSMS can read.
# The guess was: the fields of the schema are the fields of the type.
# Exits 0 when the schedule is lost, 1 when it is kept, 2 when the module cannot be had.
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

	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/smartcharging"
	"github.com/lorenzodonini/ocpp-go/ocppj"
)

const answer = `{"status": "Accepted", "schedule": {"evseId": 1, "duration": 3600,
	"scheduleStart": "2026-01-01T00:00:00Z", "chargingRateUnit": "A",
	"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}}`

func main() {
	response := &smartcharging.GetCompositeScheduleResponse{}
	if err := json.Unmarshal([]byte(answer), response); err != nil {
		panic(err)
	}
	left, err := json.Marshal(response)
	if err != nil {
		panic(err)
	}
	fmt.Println("came:", answer)
	fmt.Println("left:", string(left), "valid:", ocppj.Validate.Struct(response) == nil)
	if strings.Contains(string(left), "3600") || strings.Contains(string(left), "6") {
		os.Exit(1)
	}
}
GO
go mod tidy 2>/dev/null || exit 2
go build -o finding . && ./finding
