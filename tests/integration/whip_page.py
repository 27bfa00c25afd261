"""A browser that sends a moving canvas and a tone by WHIP (RFC 9725): offer, trickled candidates, DELETE."""

from playwright.async_api import Page

SEND = """
async ({ endpoint, token }) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 180];
  const context = canvas.getContext("2d");
  let shown = 0;
  setInterval(() => {
    context.fillStyle = `hsl(${(shown += 7) % 360} 80% 50%)`;
    context.fillRect(0, 0, 320, 180);
    context.fillStyle = "white";
    context.fillRect(shown % 320, 60, 40, 60);
  }, 33);
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const outlet = audio.createMediaStreamDestination();
  tone.connect(outlet);
  tone.start();
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const connection = new RTCPeerConnection();
  for (const track of [...canvas.captureStream(30).getTracks(), ...outlet.stream.getTracks()]) {
    connection.addTransceiver(track, { direction: "sendonly" });
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


async def send(page: Page, endpoint: str, token: str) -> dict[str, object]:
    """Begin; returns the answers' status codes and, for a refusal, its text."""
    answer: dict[str, object] = await page.evaluate(SEND, {"endpoint": endpoint, "token": token})
    return answer
