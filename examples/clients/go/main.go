// A tour of the contracts with a client generated for Go.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	monitoringv1 "csms/monitoring/v1"
	stationv1 "csms/station/v1"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func main() {
	connection, err := grpc.NewClient(os.Getenv("CSMS_ADDRESS"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+os.Getenv("CSMS_TOKEN"))

	// The same request id makes one station, however often the answer gets lost.
	stations := stationv1.NewStationServiceClient(connection)
	request := &stationv1.CreateStationRequest{
		Station:   &stationv1.Station{Name: "Made by Go"},
		RequestId: rand.Text(),
	}
	first, err := stations.CreateStation(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	again, err := stations.CreateStation(ctx, request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("created %s, once: %t\n", first.Station.Name, first.Station.Id == again.Station.Id)

	_, err = stations.GetStation(ctx, &stationv1.GetStationRequest{StationId: "nowhere"})
	fmt.Printf("refused: %s %s\n", status.Code(err), reasonOf(err))

	events, err := monitoringv1.NewMonitoringServiceClient(connection).StreamEvents(
		ctx, &monitoringv1.StreamEventsRequest{Cursor: "0", Nouns: []string{"station"}, MaxEvents: 1})
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(follow(events))
}

// reasonOf is the machine-readable reason, one of csms.error.v1.ErrorReason.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
}

func follow(events grpc.ServerStreamingClient[monitoringv1.StreamEventsResponse]) int {
	cursor := ""
	for {
		item, err := events.Recv()
		switch {
		case errors.Is(err, io.EOF):
			fmt.Printf("cut; resume after %s\n", cursor)
			return 1
		case err != nil:
			fmt.Printf("cut by %s; resume after %s\n", status.Code(err), cursor)
			return 1
		}
		cursor = item.Cursor
		if item.Event != nil {
			fmt.Printf("event %s\n", item.Event.Subject)
		}
		if item.Error != nil {
			fmt.Printf("ended early: %s; resume after %s\n", item.Error.Info.Reason, cursor)
			return 1
		}
		if item.End {
			fmt.Println("ended as asked")
			return 0
		}
	}
}
