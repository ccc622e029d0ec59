#!/usr/bin/env bash
# OCPP-J 1.6 spells one of its error codes OccurenceConstraintViolation, with one r, and stations that go by the book send
# it so. ocpp-go knows the correct spelling only: the CALLERROR is not taken as the answer, the station gets a CALLERROR
# for its CALLERROR, and the call waits until it times out, after half a minute, as do those behind it.
# Seen with ocpp-go 0.19.0, its CSMS of OCPP 1.6; its charge point reads with the same parser.
# Why it matters: "you left out a field" arrives as "no answer", and operators look for a bad connection. A CSMS that
# answers 1.6 stations on this library with the code of the book (ours does) stalls them for as long; whoever runs such
# stations should see to it that their requests are complete.
# The guess was: a code that is not in the list is still an answer, the more so if it is in the specification.
# Exits 0 when the call goes on waiting, 1 when it is answered, 2 when the module cannot be had.
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
	"net"
	"os"
	"time"

	"github.com/gorilla/websocket"
	ocpp16 "github.com/lorenzodonini/ocpp-go/ocpp1.6"
	"github.com/lorenzodonini/ocpp-go/ocpp1.6/core"
)

const patience = 3 * time.Second

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// connect dials until the server listens and returns what the station receives.
func connect(url string) (*websocket.Conn, chan []any) {
	dialer := websocket.Dialer{Subprotocols: []string{"ocpp1.6"}}
	station, _, err := dialer.Dial(url, nil)
	for tries := 0; err != nil && tries < 100; tries++ {
		time.Sleep(100 * time.Millisecond)
		station, _, err = dialer.Dial(url, nil)
	}
	frames := make(chan []any, 10)
	go func() {
		var frame []any
		for must(station, err).ReadJSON(&frame) == nil {
			frames <- frame
			frame = nil
		}
	}()
	return station, frames
}

func main() {
	probe := must(net.Listen("tcp", "127.0.0.1:0"))
	port := probe.Addr().(*net.TCPAddr).Port
	probe.Close()
	csms := ocpp16.NewCentralSystem(nil, nil)
	connected := make(chan string, 10)
	csms.SetNewChargePointHandler(func(station ocpp16.ChargePointConnection) { connected <- station.ID() })
	go csms.Start(port, "/{id}")

	answered := map[string]bool{}
	refusals := 0
	for _, code := range []string{"OccurrenceConstraintViolation", "OccurenceConstraintViolation"} {
		station, frames := connect(fmt.Sprintf("ws://127.0.0.1:%d/%s", port, code))
		<-connected
		done := make(chan error, 1)
		reset := func(_ *core.ResetConfirmation, err error) { done <- err }
		if err := csms.Reset(code, reset, core.ResetTypeSoft); err != nil {
			panic(err)
		}
		answer := []any{4, (<-frames)[1], code, "a field is missing", map[string]any{}}
		fmt.Println("station says:", string(must(json.Marshal(answer))))
		if err := station.WriteJSON(answer); err != nil {
			panic(err)
		}
		for over := time.After(patience); over != nil; {
			select {
			case frame := <-frames:
				refusals++
				fmt.Println("station hears:", string(must(json.Marshal(frame))))
			case err := <-done:
				answered[code] = true
				fmt.Println("caller hears:", err)
				over = nil
			case <-over:
				fmt.Println("caller hears: nothing within", patience)
				over = nil
			}
		}
	}
	if answered["OccurrenceConstraintViolation"] && !answered["OccurenceConstraintViolation"] && refusals == 1 {
		os.Exit(0)
	}
	os.Exit(1)
}
GO
go mod tidy 2>/dev/null || exit 2
go build -o finding . && ./finding
