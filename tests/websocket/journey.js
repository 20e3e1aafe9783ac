// Runs in the browser beside the page of docs/guide/browsers.md: uses it as a person would, then does what the
// page does not. Reports to the server it came from.
import { wsconnect } from "@nats-io/nats-core";

const { plain, encrypted, foreign } = await (await fetch("/settings")).json();
const report = (what) =>
  fetch("/report", { method: "POST", body: JSON.stringify({ ...what, at: location.origin }) });

/** The first element that matches, once there is one with text. */
async function find(selector) {
  for (;;) {
    const element = document.querySelector(selector);
    if (element?.textContent) return element;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function firstVisit() {
  const address = (await find("#address")).textContent;
  const form = document.querySelector("#send");
  form.elements.to.value = address;
  form.elements.text.value = "<b>left on the table</b>";
  form.requestSubmit();
  const item = await find("#mail li");
  await report({ step: "sent", address, html: item.innerHTML });
  localStorage.setItem("visited", "yes");
  location.reload();
}

async function secondVisit() {
  const address = (await find("#address")).textContent;
  const item = await find("#mail li");
  await report({ step: "came back", address, text: item.textContent });
  for (const servers of [plain, encrypted]) {
    const nc = await wsconnect({ servers });
    nc.subscribe("service", {
      callback: (_, message) => message.respond(`${message.string()} too`),
    });
    const reply = await nc.request("service", "me");
    const large = "x".repeat(1_000_000);
    const echo = await nc.request("service", large);
    await nc.drain();
    await report({
      step: servers.split(":")[0],
      reply: reply.string(),
      isWhole: echo.string() === `${large} too`,
      closed: nc.isClosed(),
    });
  }
  location.assign(foreign);
}

async function visitFromElsewhere() {
  const opened = await new Promise((resolve) => {
    const socket = new WebSocket(plain);
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  });
  await report({ step: "elsewhere", opened });
}

if (location.origin === new URL(foreign).origin) await visitFromElsewhere();
else if (localStorage.getItem("visited")) await secondVisit();
else await firstVisit();
