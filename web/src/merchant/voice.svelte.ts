/** The shop's voice: a short sound and the amount in Vietnamese words, so that nobody must look at the phone. */
import { spoken } from "../money/dong";

const KEPT_AS = "huong.counter";
/** More than so many at once (after a cut) are told as one sum. */
const ONE_BY_ONE = 3;
const LATE_MS = 2000;

class Voice {
  /** A sound for each payment; the amount in words. */
  sound = $state(true);
  words = $state(true);
  /** The browser lets this page sound: somebody touched it. */
  awake = $state(false);
  /** There is a voice that speaks Vietnamese here. */
  speaks = $state(false);
  #audio: AudioContext | null = null;

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEPT_AS) ?? "{}") as { sound?: boolean; words?: boolean };
      this.sound = kept.sound ?? true;
      this.words = kept.words ?? true;
    } catch {
      // what is kept is not ours: both are on
    }
    if ("speechSynthesis" in globalThis) {
      speechSynthesis.addEventListener("voiceschanged", () => (this.speaks = vietnamese() !== undefined));
      this.speaks = vietnamese() !== undefined;
    }
  }

  remember(): void {
    localStorage.setItem(KEPT_AS, JSON.stringify({ sound: this.sound, words: this.words }));
  }

  /** Be ready to sound. Browsers allow it after a touch: call it from one; before, it only tries. */
  async wake(): Promise<void> {
    const audio = (this.#audio ??= this.#begin());
    if (audio.state !== "running") {
      await Promise.race([audio.resume(), new Promise((resolve) => setTimeout(resolve, 300))]);
    }
    this.awake = audio.state === "running";
  }

  #begin(): AudioContext {
    const audio = new AudioContext();
    audio.onstatechange = () => (this.awake = audio.state === "running"); // a call, or a phone that slept, ends it
    return audio;
  }

  /** What it sounds like, for whoever turns it on; it names no amount, so that nobody takes it for money. */
  async trial(): Promise<void> {
    await this.wake();
    if (this.sound) this.#chime();
    if (this.words) this.#say("Đã bật âm thanh báo tiền về");
  }

  /** Tell of payments that came in. */
  announce(amounts: readonly number[]): void {
    if (amounts.length === 0) return;
    if (this.sound) this.#chime();
    if (this.words) for (const words of sentences(amounts)) this.#say(words);
  }

  /** Two notes, a fourth apart: short, and not what a phone rings with. */
  #chime(): void {
    const audio = this.#audio;
    if (!audio) return;
    if (audio.state !== "running") {
      const asked = Date.now(); // what sounds long after the money came only confuses
      void audio.resume().then(() => audio.state === "running" && Date.now() - asked < LATE_MS && this.#chime());
      return;
    }
    for (const [at, pitch] of [
      [0, 880],
      [0.13, 1174.7],
    ] as const) {
      const begin = audio.currentTime + at;
      const tone = new OscillatorNode(audio, { type: "triangle", frequency: pitch });
      const loudness = new GainNode(audio, { gain: 0 });
      loudness.gain.setValueAtTime(0, begin);
      loudness.gain.linearRampToValueAtTime(0.5, begin + 0.01);
      loudness.gain.exponentialRampToValueAtTime(0.001, begin + 0.28);
      tone.connect(loudness).connect(audio.destination);
      tone.start(begin);
      tone.stop(begin + 0.3);
    }
  }

  #say(words: string): void {
    const voice = "speechSynthesis" in globalThis ? vietnamese() : undefined;
    if (!voice) return; // another language's voice makes noise of Vietnamese
    const utterance = new SpeechSynthesisUtterance(words);
    utterance.voice = voice;
    utterance.lang = voice.lang;
    speechSynthesis.speak(utterance);
  }
}

function vietnamese(): SpeechSynthesisVoice | undefined {
  return speechSynthesis.getVoices().find((voice) => /^vi\b/iu.test(voice.lang));
}

/** What is said of payments that came at once. */
export function sentences(amounts: readonly number[]): string[] {
  if (amounts.length <= ONE_BY_ONE) return amounts.map((amount) => `Đã nhận ${spoken(amount)}`);
  const sum = amounts.reduce((all, amount) => all + amount, 0);
  return [`Đã nhận ${amounts.length} khoản, tổng cộng ${spoken(sum)}`];
}

export const voice = new Voice();
