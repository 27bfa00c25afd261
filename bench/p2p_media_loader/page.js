// p2p-media-loader in hls.js, as its README shows it. The query says what is played and with which settings:
// playlist, tracker, and, where given, sync (hls.js's liveSyncDurationCount) and demand (highDemandTimeWindow, s).
import Hls from "hls.js";
import { HlsJsP2PEngine } from "p2p-media-loader-hlsjs";

const query = new URLSearchParams(location.search);
const number = (name) => (query.has(name) ? Number(query.get(name)) : undefined);
const given = (settings) =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));

/** Bytes as p2p-media-loader itself counts them, and what went wrong; the conductor reads it. */
window.contestant = { http: 0, p2p: 0, errors: [] };

const P2pHls = HlsJsP2PEngine.injectMixin(Hls);
const hls = new P2pHls({
  ...given({ liveSyncDurationCount: number("sync") }),
  p2p: {
    core: {
      announceTrackers: [query.get("tracker")],
      rtcConfig: { iceServers: [] },
      swarmId: query.get("playlist"),
      ...given({ highDemandTimeWindow: number("demand") }),
    },
    onHlsJsCreated(instance) {
      instance.p2pEngine.addEventListener("onChunkDownloaded", (bytes, source) => {
        window.contestant[source] += bytes;
      });
    },
  },
});
hls.on(Hls.Events.ERROR, (_, { details, fatal }) => {
  window.contestant.errors.push(fatal ? `${details} (fatal)` : details);
});
hls.attachMedia(document.querySelector("video"));
hls.loadSource(query.get("playlist"));
