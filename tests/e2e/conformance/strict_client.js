// A charge point on npm's ocpp-rpc in strict mode, which checks each frame of the CSMS against the schemas.
//
//   node strict_client.js ENDPOINT IDENTITY PROTOCOL TAG
//
// Charges once, then answers what it is asked until it is told to reset. Prints a line of JSON for each thing that
// happened; exit code 1 when something was not as the schemas have it.
const { RPCClient, createRPCError } = require("ocpp-rpc");

const [endpoint, identity, protocol, tag] = process.argv.slice(2);
const cp = new RPCClient({ endpoint, identity, protocols: [protocol], strictMode: true, reconnect: false });
const say = (what, about) => console.log(JSON.stringify([what, about]));
const now = () => new Date().toISOString();
const fail = (reason) => {
  say("wrong", String(reason));
  process.exit(1);
};

cp.on("strictValidationFailure", ({ error }) => fail(error.message));
cp.on("badMessage", ({ error }) => fail(error.message));

const answers = {
  Reset: { status: "Accepted" },
  TriggerMessage: { status: "Accepted" },
  ClearCache: { status: "Accepted" },
  GetConfiguration: { configurationKey: [{ key: "HeartbeatInterval", readonly: false, value: "60" }] },
  GetBaseReport: { status: "NotSupported" },
};
cp.handle(({ method, params }) => {
  say("asked", [method, params]);
  if (!(method in answers)) throw createRPCError("NotImplemented");
  if (method === "Reset") setTimeout(() => cp.close().then(() => process.exit(0)), 200);
  return answers[method];
});

const session = {
  "ocpp1.6": async () => {
    await call("BootNotification", { chargePointVendor: "npm", chargePointModel: "ocpp-rpc" });
    await call("StatusNotification", { connectorId: 1, errorCode: "NoError", status: "Preparing", timestamp: now() });
    await call("Authorize", { idTag: tag });
    const start = { connectorId: 1, idTag: tag, meterStart: 1000, timestamp: now() };
    const { transactionId } = await call("StartTransaction", start);
    const sampledValue = [{ value: "2000", measurand: "Energy.Active.Import.Register", unit: "Wh" }];
    await call("MeterValues", { connectorId: 1, transactionId, meterValue: [{ timestamp: now(), sampledValue }] });
    await call("StopTransaction", { transactionId, idTag: tag, meterStop: 3000, timestamp: now() });
    await call("DataTransfer", { vendorId: "nobody" });
    await call("Heartbeat", {});
  },
  "ocpp2.0.1": async () => {
    const chargingStation = { vendorName: "npm", model: "ocpp-rpc" };
    await call("BootNotification", { reason: "PowerUp", chargingStation });
    const status = { timestamp: now(), connectorStatus: "Occupied", evseId: 1, connectorId: 1 };
    await call("StatusNotification", status);
    const idToken = { idToken: tag, type: "ISO14443" };
    await call("Authorize", { idToken });
    const evse = { id: 1, connectorId: 1 };
    const event = (eventType, triggerReason, seqNo, value, context, more, info) =>
      call("TransactionEvent", {
        eventType, triggerReason, seqNo, timestamp: now(), evse, ...more,
        transactionInfo: { transactionId: `${identity}-1`, ...info },
        meterValue: [{ timestamp: now(), sampledValue: [{ value, context }] }],
      });
    await event("Started", "Authorized", 0, 1000, "Transaction.Begin", { idToken }, { chargingState: "Charging" });
    await event("Updated", "MeterValuePeriodic", 1, 2000, "Sample.Periodic", {}, {});
    await event("Ended", "StopAuthorized", 2, 3000, "Transaction.End", { idToken }, { stoppedReason: "Local" });
    await call("DataTransfer", { vendorId: "nobody" });
    await call("Heartbeat", {});
  },
};

async function call(method, params) {
  const answer = await cp.call(method, params);
  say("answered", [method, answer]);
  return answer;
}

cp.connect().then(session[protocol]).then(() => say("charged", identity), fail);
