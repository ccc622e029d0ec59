// A tour of the contracts with a client generated for TypeScript.
import { randomUUID } from "node:crypto";

import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { MonitoringService, type StreamEventsResponse } from "../generated/csms/monitoring/v1/monitoring_service_pb.js";
import { StationService } from "../generated/csms/station/v1/station_service_pb.js";
import { ErrorInfoSchema } from "../generated/google/rpc/error_details_pb.js";

const authorize: Interceptor = (next) => (request) => {
  request.header.set("authorization", `Bearer ${process.env.CSMS_TOKEN}`);
  return next(request);
};
const transport = createGrpcTransport({ baseUrl: `http://${process.env.CSMS_ADDRESS}`, interceptors: [authorize] });

// The same request id makes one station, however often the answer gets lost.
const stations = createClient(StationService, transport);
const request = { station: { name: "Made by TypeScript" }, requestId: randomUUID() };
const first = await stations.createStation(request);
const again = await stations.createStation(request);
console.log(`created ${first.station?.name}, once: ${first.station?.id === again.station?.id}`);

try {
  await stations.getStation({ stationId: "nowhere" });
} catch (error) {
  const refusal = ConnectError.from(error);
  const [info] = refusal.findDetails(ErrorInfoSchema);
  console.log(`refused: ${Code[refusal.code]} ${info?.reason}`);
}

const monitoring = createClient(MonitoringService, transport);
process.exitCode = await follow(monitoring.streamEvents({ cursor: "0", nouns: ["station"], maxEvents: 1 }));

async function follow(items: AsyncIterable<StreamEventsResponse>): Promise<number> {
  let cursor = "";
  try {
    for await (const item of items) {
      cursor = item.cursor;
      if (item.event) console.log(`event ${item.event.subject}`);
      if (item.error) {
        console.log(`ended early: ${item.error.info?.reason}; resume after ${cursor}`);
        return 1;
      }
      if (item.end) {
        console.log("ended as asked");
        return 0;
      }
    }
  } catch (error) {
    console.log(`cut by ${Code[ConnectError.from(error).code]}; resume after ${cursor}`);
    return 1;
  }
  console.log(`cut; resume after ${cursor}`);
  return 1;
}
