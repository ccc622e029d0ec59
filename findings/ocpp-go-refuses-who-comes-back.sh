#!/usr/bin/env bash
# A charge point whose network went away connects again while its old connection still looks open to the server. The CSMS
# of ocpp-go takes the upgrade and then closes the new connection: 1008, "a connection with this ID already exists". The
# dead one stays, for a minute, until nothing came over it.
# Seen with ocpp-go 0.19.0, two connections with one identity.
# Why it matters: the station is sent away when it is back and kept while it is gone; it waits longer from try to try, and
# 1008 reads like "you may not", on which some stations give up or ask for a technician. The connection made last should
# take the place of the other, credentials being the same.
# The guess was: the newer connection replaces the older one.
# Exits 0 when the newer one is closed, 1 when the older one is, 2 when the module cannot be had.
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
	"time"

	"github.com/gorilla/websocket"
	ocpp16 "github.com/lorenzodonini/ocpp-go/ocpp1.6"
)

// connect dials until the server listens and returns the channel on which the end of the connection is told.
func connect(url string) chan error {
	dialer := websocket.Dialer{Subprotocols: []string{"ocpp1.6"}}
	station, _, err := dialer.Dial(url, nil)
	for tries := 0; err != nil && tries < 100; tries++ {
		time.Sleep(100 * time.Millisecond)
		station, _, err = dialer.Dial(url, nil)
	}
	if err != nil {
		panic(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, _, err := station.ReadMessage()
		ended <- err
	}()
	return ended
}

func main() {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	port := probe.Addr().(*net.TCPAddr).Port
	probe.Close()
	csms := ocpp16.NewCentralSystem(nil, nil)
	connected := make(chan string, 2)
	csms.SetNewChargePointHandler(func(station ocpp16.ChargePointConnection) { connected <- station.ID() })
	go csms.Start(port, "/{id}")

	url := fmt.Sprintf("ws://127.0.0.1:%d/CP1", port)
	older := connect(url)
	<-connected
	newer := connect(url)
	select {
	case err := <-newer:
		fmt.Println("the newer connection ends:", err)
		if websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
			os.Exit(0)
		}
	case err := <-older:
		fmt.Println("the older connection ends:", err)
	case <-time.After(30 * time.Second):
		fmt.Println("both stay open")
	}
	os.Exit(1)
}
GO
go mod tidy 2>/dev/null || exit 2
go build -o finding . && ./finding
