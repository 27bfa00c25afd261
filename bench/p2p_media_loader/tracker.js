// A WebTorrent tracker on loopback, for the peers of p2p-media-loader; prints the port as JSON.
import Server from "bittorrent-tracker/server";

const server = new Server({ udp: false, http: true, ws: true, stats: false });
server.on("error", ({ message }) => {
  console.error(message);
  process.exitCode = 1;
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ event: "listening", port: server.http.address().port }));
});
