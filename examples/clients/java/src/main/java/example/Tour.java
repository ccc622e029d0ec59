package example;

import com.google.rpc.ErrorInfo;
import csms.monitoring.v1.MonitoringServiceGrpc;
import csms.monitoring.v1.StreamEventsRequest;
import csms.monitoring.v1.StreamEventsResponse;
import csms.station.v1.CreateStationRequest;
import csms.station.v1.GetStationRequest;
import csms.station.v1.Station;
import csms.station.v1.StationServiceGrpc;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.util.Iterator;
import java.util.UUID;

/** A tour of the contracts with a client generated for Java. */
public final class Tour {
  public static void main(String[] arguments) throws Exception {
    Metadata metadata = new Metadata();
    metadata.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + System.getenv("CSMS_TOKEN"));
    ClientInterceptor authorize = MetadataUtils.newAttachHeadersInterceptor(metadata);
    ManagedChannel channel =
        ManagedChannelBuilder.forTarget(System.getenv("CSMS_ADDRESS")).usePlaintext().intercept(authorize).build();
    boolean complete;
    try {
      var stations = StationServiceGrpc.newBlockingStub(channel);

      // The same request id makes one station, however often the answer gets lost.
      var request =
          CreateStationRequest.newBuilder()
              .setStation(Station.newBuilder().setName("Made by Java"))
              .setRequestId(UUID.randomUUID().toString())
              .build();
      Station first = stations.createStation(request).getStation();
      Station again = stations.createStation(request).getStation();
      System.out.printf("created %s, once: %s%n", first.getName(), first.getId().equals(again.getId()));

      try {
        stations.getStation(GetStationRequest.newBuilder().setStationId("nowhere").build());
      } catch (StatusRuntimeException error) {
        System.out.printf("refused: %s %s%n", error.getStatus().getCode(), reasonOf(error));
      }

      var wanted = StreamEventsRequest.newBuilder().setCursor("0").addNouns("station").setMaxEvents(1).build();
      complete = follow(MonitoringServiceGrpc.newBlockingStub(channel).streamEvents(wanted));
    } finally {
      channel.shutdownNow();
    }
    if (!complete) {
      throw new IllegalStateException("the stream was not complete");
    }
  }

  /** The machine-readable reason, one of csms.error.v1.ErrorReason. */
  private static String reasonOf(StatusRuntimeException error) throws Exception {
    for (var detail : StatusProto.fromThrowable(error).getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        return detail.unpack(ErrorInfo.class).getReason();
      }
    }
    return "";
  }

  private static boolean follow(Iterator<StreamEventsResponse> items) {
    String cursor = "";
    try {
      while (items.hasNext()) {
        StreamEventsResponse item = items.next();
        cursor = item.getCursor();
        if (item.hasEvent()) {
          System.out.println("event " + item.getEvent().getSubject());
        }
        if (item.hasError()) {
          System.out.printf("ended early: %s; resume after %s%n", item.getError().getInfo().getReason(), cursor);
          return false;
        }
        if (item.getEnd()) {
          System.out.println("ended as asked");
          return true;
        }
      }
    } catch (StatusRuntimeException error) {
      System.out.printf("cut by %s%n", error.getStatus().getCode());
    }
    System.out.printf("cut; resume after %s%n", cursor);
    return false;
  }
}
