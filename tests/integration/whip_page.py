"""A browser that sends a moving canvas and a tone by WHIP (RFC 9725): offer, trickled candidates, DELETE.

The canvas has the browser's clock as the strip of `peer/media/pattern.py`.
"""

from playwright.async_api import Page

SEND = """
async ({ endpoint, token, width, height, bitrate }) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const strip = Math.floor(height / 36) * 2;
  const stamp = () => {
    const milliseconds = BigInt(Math.round(performance.timeOrigin + performance.now())) & 0xffffffffn;
    const check = [0n, 8n, 16n, 24n].reduce((sum, bits) => sum ^ ((milliseconds >> bits) & 255n), 0n);
    const word = (0b10110100n << 40n) | (milliseconds << 8n) | check;
    for (let cell = 0; cell < 48; cell += 1) {
      const [left, right] = [cell, cell + 1].map((edge) => Math.floor((edge * width) / 96) * 2);
      context.fillStyle = (word >> BigInt(47 - cell)) & 1n ? "white" : "black";
      context.fillRect(left, height - strip, right - left, strip);
    }
  };
  let shown = 0;
  setInterval(() => {
    context.fillStyle = `hsl(${(shown += 7) % 360} 80% 50%)`;
    context.fillRect(0, 0, width, height);
    context.fillStyle = "white";
    context.fillRect(shown % width, height / 3, width / 8, height / 3);
    stamp();
  }, 33);
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const outlet = audio.createMediaStreamDestination();
  tone.connect(outlet);
  tone.start();
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const connection = new RTCPeerConnection();
  for (const track of [...canvas.captureStream(30).getTracks(), ...outlet.stream.getTracks()]) {
    const sendEncodings = track.kind === "video" && bitrate ? [{ maxBitrate: bitrate }] : [{}];
    connection.addTransceiver(track, { direction: "sendonly", sendEncodings });
  }
  const candidates = [];
  const gathered = new Promise((resolve) => {
    connection.onicecandidate = ({ candidate }) => (candidate ? candidates.push(candidate) : resolve());
  });
  await connection.setLocalDescription();
  const offer = connection.localDescription.sdp;
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/sdp" },
    body: offer,
  });
  if (answer.status !== 201) return { status: answer.status, text: await answer.text() };
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  const session = new URL(answer.headers.get("Location"), endpoint);
  await gathered;
  const lines = [`a=ice-ufrag:${/^a=ice-ufrag:(.*)$/m.exec(offer)[1]}`];
  for (const { sdpMid, candidate } of candidates) lines.push(`a=mid:${sdpMid}`, `a=${candidate}`);
  lines.push("a=end-of-candidates", "");
  const trickled = await fetch(session, {
    method: "PATCH",
    headers: {
      ...headers,
      "Content-Type": "application/trickle-ice-sdpfrag",
      "If-Match": answer.headers.get("ETag"),
    },
    body: lines.join("\\r\\n"),
  });
  window.leave = async () => {
    const left = await fetch(session, { method: "DELETE", headers });
    connection.close();
    return left.status;
  };
  window.state = () => connection.connectionState;
  return { status: answer.status, trickled: trickled.status, candidates: candidates.length };
}
"""


async def send(
    page: Page, endpoint: str, token: str, size: tuple[int, int] = (320, 180), bitrate: int | None = None
) -> dict[str, object]:
    """Begin; returns the answers' status codes and, for a refusal, its text. `bitrate` bounds the video's."""
    width, height = size
    given = {"endpoint": endpoint, "token": token, "width": width, "height": height, "bitrate": bitrate}
    answer: dict[str, object] = await page.evaluate(SEND, given)
    return answer
