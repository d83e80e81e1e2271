import "./ui/tokens.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { language, speak } from "./language.svelte";
import { watchSession } from "./api/session.svelte";
import { watchQueue } from "./offline/queue.svelte";
import { watchLinks } from "./router.svelte";
import { dress } from "./theme.svelte";

speak(language());
dress();
watchSession();
watchLinks();
watchQueue();

const target = document.getElementById("app");
if (target) mount(App, { target });
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  addEventListener("load", () => void navigator.serviceWorker.register("/sw.js"));
}
