#!/usr/bin/env bash
# The CSMS of ocpp-go never pings. It waits for pings of the charge point, and hangs up when for a minute neither one nor a
# message came: a charge point that is told to say Heartbeat every five minutes and sends no pings of its own, which is
# what WebSocketPingInterval 0 means, is thrown out every minute.
# Seen with ocpp-go 0.19.0 and its defaults: no frame from the server in a quiet minute, then the end of the connection
# without a close frame (runs for a minute).
# Why it matters: such stations connect over and over, boot each time, and are "offline" on every dashboard for the time
# they wait before they come back. A server that wants to know whether the other side lives has to ask.
# The guess was: the server pings, and an answer keeps the connection.
# Exits 0 when the quiet connection ends unasked, 1 when the server pings or leaves it open, 2 when the module cannot be
# had.
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
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	ocpp16 "github.com/lorenzodonini/ocpp-go/ocpp1.6"
)

func main() {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	port := probe.Addr().(*net.TCPAddr).Port
	probe.Close()
	csms := ocpp16.NewCentralSystem(nil, nil)
	go csms.Start(port, "/{id}")

	dialer := websocket.Dialer{Subprotocols: []string{"ocpp1.6"}}
	url := fmt.Sprintf("ws://127.0.0.1:%d/CP1", port)
	station, _, err := dialer.Dial(url, nil)
	for tries := 0; err != nil && tries < 100; tries++ {
		time.Sleep(100 * time.Millisecond)
		station, _, err = dialer.Dial(url, nil)
	}
	if err != nil {
		panic(err)
	}
	var pings atomic.Int32
	station.SetPingHandler(func(text string) error {
		pings.Add(1)
		return station.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(time.Second))
	})
	began := time.Now()
	station.SetReadDeadline(began.Add(2 * time.Minute))
	_, _, err = station.ReadMessage()
	lasted := time.Since(began).Round(time.Second)
	fmt.Println("pings of the server:", pings.Load(), "- the connection lasted", lasted, "and ended by:", err)
	if pings.Load() == 0 && lasted > 50*time.Second && lasted < 80*time.Second {
		os.Exit(0)
	}
	os.Exit(1)
}
GO
go mod tidy 2>/dev/null || exit 2
go build -o finding . && ./finding
