#!/usr/bin/env bash
# OCPP 2.0.1 asks for an empty signingMethod when the signed data name the method themselves (as OCMF does), and lets a
# station leave the public key empty. ocpp-go takes "required" for "not empty" and refuses the whole TransactionEvent
# for either.
# Seen with ocpp-go 0.19.0: its own validator, which both its CSMS and its station ask for each message. In the same way
# an empty value is refused in ChangeConfiguration of 1.6.
# Why it matters: a station that signs by the specification loses the events that carry signed values, which are the
# start and the end. A CSMS on it has to switch validation off for that message, or bills nothing.
# The guess was: an empty text is there.
# Exits 0 when the empty texts are refused, 1 when they pass, 2 when the module cannot be had.
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

	"github.com/lorenzodonini/ocpp-go/ocpp1.6/core"
	"github.com/lorenzodonini/ocpp-go/ocpp2.0.1/transactions"
	"github.com/lorenzodonini/ocpp-go/ocppj"
)

const event = `{"eventType": "Ended", "timestamp": "2026-01-01T00:00:00Z", "triggerReason": "EVDeparted", "seqNo": 1,
	"transactionInfo": {"transactionId": "t"}, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [
	{"value": 3.5, "signedMeterValue": {"signedMeterData": "T0NNRnw=", "signingMethod": %q, "encodingMethod": "OCMF",
	"publicKey": %q}}]}]}`

func passes(method, key string) bool {
	request := &transactions.TransactionEventRequest{}
	if err := json.Unmarshal([]byte(fmt.Sprintf(event, method, key)), request); err != nil {
		panic(err)
	}
	err := ocppj.Validate.Struct(request)
	fmt.Printf("signingMethod %q publicKey %q: %v\n", method, key, err)
	return err == nil
}

func main() {
	fmt.Println("empty value:", ocppj.Validate.Struct(core.NewChangeConfigurationRequest("ConnectorPhaseRotation", "")))
	if full, method, key := passes("ECDSA", "MFkw"), passes("", "MFkw"), passes("ECDSA", ""); !full || method || key {
		os.Exit(1)
	}
}
GO
go mod tidy 2>/dev/null || exit 2
go build -o finding . && ./finding
