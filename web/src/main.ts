import "./ui/tokens.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { language, speak } from "./language.svelte";
import { watchSession } from "./api/session.svelte";
import { watchInbox } from "./notifications/live.svelte";
import { watchWorker } from "./notifications/worker-messages";
import { watchQueue } from "./offline/queue.svelte";
import { watchLinks } from "./router.svelte";
import { dress } from "./theme.svelte";
import { lettersFirst } from "./ui/letters";
import { watchUpdates } from "./update.svelte";

speak(language());
dress();
watchSession();
watchLinks();
watchQueue();
watchInbox();

const target = document.getElementById("app");
if (target) void lettersFirst().then(() => mount(App, { target }));
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  watchWorker();
  addEventListener("load", () => void watchUpdates());
}
