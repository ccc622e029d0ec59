#!/usr/bin/env bash
# A charging station lists its versions of OCPP in the order in which it wants them. The server of ocpp-rpc takes the
# first of its own list instead: who offers ocpp2.0.1 before ocpp1.6 is put on 1.6 by a server that knows both.
# Seen with ocpp-rpc 2.2.1 for Node, protocols ["ocpp1.6", "ocpp2.0.1"].
# Why it matters: adding a version at the end of the list of a CSMS changes nothing for stations that prefer it, and
# putting it first moves every station with both at once. The order of that list is a decision, not a list.
# The guess was: the order of the station decides.
# Exits 0 when that is so, 1 when the preference of the station counts, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund ocpp-rpc@2.2.1 >/dev/null || exit 2
cat >run.cjs <<'NODE'
const { RPCServer, RPCClient } = require('ocpp-rpc');

async function agreed(serverProtocols, stationProtocols) {
  const server = new RPCServer({ protocols: serverProtocols });
  const http = await server.listen(0, '127.0.0.1');
  const endpoint = `ws://127.0.0.1:${http.address().port}`;
  const station = new RPCClient({ endpoint, identity: 'CP1', protocols: stationProtocols, reconnect: false });
  await station.connect();
  const { protocol } = station;
  console.log('server', serverProtocols, 'station', stationProtocols, '->', protocol);
  await station.close();
  await server.close();
  return protocol;
}

(async () => {
  const station = ['ocpp2.0.1', 'ocpp1.6'];
  const first = await agreed(['ocpp1.6', 'ocpp2.0.1'], station);
  const second = await agreed(['ocpp2.0.1', 'ocpp1.6'], station);
  process.exit(first === 'ocpp1.6' && second === 'ocpp2.0.1' ? 0 : 1);
})();
NODE
node run.cjs
