// The player of a recording: both legs one above the other, by mouse and keys. Without it the browser's own player stays.

const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2];
// Below this, in 128ths, nobody speaks; silences shorter than this many seconds are not skipped, and so much of their ends stays.
const QUIET = 2;
const SILENCE_SECONDS = 1.2;
const SILENCE_LEFT = 0.25;
const HEAD_BYTES = 16;
const LEGS = ["agent", "customer"];

const clock = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
};

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

class Player {
  constructor(section) {
    this.section = section;
    this.audio = section.querySelector("audio");
    this.sound = JSON.parse(section.dataset.sound);
    this.texts = JSON.parse(section.dataset.texts);
    this.muted = { agent: false, customer: false };
    this.pieces = null;
    this.silences = [];
    this.build();
    this.listen();
    this.fetchPeaks();
  }

  get seconds() {
    return Number.isFinite(this.audio.duration) ? this.audio.duration : this.sound.seconds;
  }

  build() {
    const t = this.texts;
    this.audio.controls = false;
    const button = (name, act, more = {}) => make("button", { type: "button", on: { click: act }, ...more }, t[name]);
    this.play = button("play", () => this.toggle(), { class: "main" });
    this.now = make("output", { class: "now", "aria-live": "off" }, "0:00");
    this.speed = make(
      "select",
      { "aria-label": t.speed, on: { change: () => (this.audio.playbackRate = Number(this.speed.value)) } },
      ...SPEEDS.map((speed) => make("option", { value: speed, selected: speed === 1 }, `${speed}×`.replace(".", t.point))),
    );
    this.skip = make("input", { type: "checkbox" });
    this.mutes = LEGS.map((leg) =>
      button(`mute-${leg}`, () => this.mute(leg), { "aria-pressed": "false", class: `leg-${leg}` }),
    );
    this.canvas = make("canvas", { class: "wave" });
    this.cursor = make("div", { class: "cursor" });
    this.slider = make(
      "div",
      { class: "timeline", role: "slider", tabindex: "0", "aria-label": t.place, "aria-valuemin": "0" },
      make("span", { class: "leg leg-agent" }, t.agent),
      make("span", { class: "leg leg-customer" }, t.customer),
      this.canvas,
      this.cursor,
    );
    this.place = document.querySelector("[data-at]");
    // Beside the field that it fills, inside whose label it would be part of its name.
    this.place?.closest("label").after(button("note-place", () => this.notePlace()));
    this.section.prepend(
      this.slider,
      this.legend(),
      make(
        "div",
        { class: "row controls" },
        button("back", () => this.jump(-10)),
        this.play,
        button("forward", () => this.jump(10)),
        this.now,
        this.speed,
        make("label", { class: "check" }, this.skip, t["skip-silence"]),
        ...this.mutes,
      ),
      make("p", { class: "hint keys" }, t.keys),
    );
  }

  // What is silent for a reason, in words: colour alone says nothing.
  legend() {
    const { gaps, lost, masks, presses } = this.sound;
    const kinds = [
      ["press", presses.length],
      ["mask", masks.filter((one) => one.kind === "mask").length],
      ["hold", masks.filter((one) => one.kind === "hold").length],
      ["erased", masks.filter((one) => one.kind === "erased").length],
      ["gap", gaps.length + lost.length],
    ].filter(([, count]) => count > 0);
    return make(
      "ul",
      { class: "legend", hidden: kinds.length === 0 },
      ...kinds.map(([kind, count]) => make("li", { class: `mark-${kind}` }, `${this.texts[kind]} (${count})`)),
    );
  }

  listen() {
    const { audio } = this;
    audio.addEventListener("play", () => this.tell());
    audio.addEventListener("pause", () => this.tell());
    audio.addEventListener("ended", () => this.tell());
    audio.addEventListener("timeupdate", () => this.tell());
    audio.addEventListener("loadedmetadata", () => this.tell());
    audio.addEventListener("error", () => this.section.append(make("p", { class: "wrong", role: "alert" }, this.texts.failed)));
    const seek = (event) => {
      const box = this.canvas.getBoundingClientRect();
      this.go(((event.clientX - box.left) / box.width) * this.seconds);
    };
    this.slider.addEventListener("pointerdown", (event) => {
      this.slider.setPointerCapture(event.pointerId);
      seek(event);
    });
    this.slider.addEventListener("pointermove", (event) => {
      if (this.slider.hasPointerCapture(event.pointerId)) seek(event);
    });
    addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    const turn = () => {
      if (!audio.paused) {
        this.skipSilence();
        this.tell();
      }
      requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
    this.tell();
  }

  key(event) {
    const typing = event.target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (typing || event.ctrlKey || event.altKey || event.metaKey) return;
    const onControl = event.target.closest("button, a, input, summary");
    const inSlider = event.target === this.slider;
    const acts = {
      " ": () => this.toggle(),
      k: () => this.toggle(),
      j: () => this.jump(-10),
      l: () => this.jump(10),
      ",": () => this.jump(-3),
      ".": () => this.jump(3),
      "-": () => this.faster(-1),
      "+": () => this.faster(1),
      "=": () => this.faster(1),
      s: () => (this.skip.checked = !this.skip.checked),
      1: () => this.mute("agent"),
      2: () => this.mute("customer"),
      n: () => this.notePlace(),
    };
    if (inSlider) {
      Object.assign(acts, {
        ArrowLeft: () => this.jump(-5),
        ArrowRight: () => this.jump(5),
        ArrowDown: () => this.jump(-5),
        ArrowUp: () => this.jump(5),
        Home: () => this.go(0),
        End: () => this.go(this.seconds),
      });
    }
    // A space presses the button that has the focus, as everywhere.
    if (event.key === " " && onControl) return;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  toggle() {
    if (this.audio.paused) {
      this.audio.play().catch(() => {});
      this.context?.resume();
    } else this.audio.pause();
  }

  jump(seconds) {
    this.go(this.audio.currentTime + seconds);
  }

  go(seconds) {
    this.audio.currentTime = Math.min(Math.max(0, seconds), Math.max(0, this.seconds - 0.01));
    this.tell();
  }

  faster(steps) {
    const at = SPEEDS.indexOf(Number(this.speed.value)) + steps;
    this.speed.value = SPEEDS[Math.min(Math.max(0, at), SPEEDS.length - 1)];
    this.audio.playbackRate = Number(this.speed.value);
  }

  notePlace() {
    if (this.place) this.place.value = clock(this.audio.currentTime);
  }

  // Each leg is a channel: both ears get what is not muted.
  mute(leg) {
    this.muted[leg] = !this.muted[leg];
    if (!this.context) {
      this.context = new AudioContext();
      const splitter = this.context.createChannelSplitter(2);
      this.context.createMediaElementSource(this.audio).connect(splitter);
      this.gains = LEGS.map((_, channel) => {
        const gain = this.context.createGain();
        splitter.connect(gain, channel);
        gain.connect(this.context.destination);
        return gain;
      });
    }
    this.context.resume();
    LEGS.forEach((name, channel) => {
      this.gains[channel].gain.value = this.muted[name] ? 0 : 1;
      this.mutes[channel].setAttribute("aria-pressed", String(this.muted[name]));
    });
    this.draw();
  }

  tell() {
    const at = this.audio.currentTime;
    this.now.value = `${clock(at)} / ${clock(this.seconds)}`;
    this.play.textContent = this.audio.paused ? this.texts.play : this.texts.pause;
    this.slider.setAttribute("aria-valuemax", String(Math.round(this.seconds)));
    this.slider.setAttribute("aria-valuenow", String(Math.round(at)));
    this.slider.setAttribute("aria-valuetext", this.now.value);
    this.cursor.style.left = `${(100 * at) / Math.max(this.seconds, 0.01)}%`;
  }

  skipSilence() {
    if (!this.skip.checked) return;
    const at = this.audio.currentTime;
    const silence = this.silences.find(([from, to]) => at >= from && at < to);
    if (silence) this.audio.currentTime = silence[1];
  }

  async fetchPeaks() {
    try {
      const answer = await fetch(`/recordings/${this.section.dataset.recording}/peaks`);
      if (!answer.ok) throw new Error(String(answer.status));
      const bytes = await answer.arrayBuffer();
      const head = new DataView(bytes, 8);
      this.pieceSeconds = head.getUint32(0, true) / head.getUint32(4, true);
      this.pieces = new Int8Array(bytes, HEAD_BYTES);
      this.findSilences();
      this.draw();
    } catch {
      // It plays without a picture.
    }
  }

  findSilences() {
    const count = this.pieces.length / 4;
    let from = null;
    for (let piece = 0; piece <= count; piece += 1) {
      const ends = this.pieces.subarray(4 * piece, 4 * piece + 4);
      const quiet = piece < count && ends.every((end) => end >= -QUIET && end <= QUIET);
      if (quiet) from ??= piece;
      else if (from !== null) {
        const [begins, ends] = [from * this.pieceSeconds + SILENCE_LEFT, piece * this.pieceSeconds - SILENCE_LEFT];
        if (ends - begins >= SILENCE_SECONDS - 2 * SILENCE_LEFT) this.silences.push([begins, ends]);
        from = null;
      }
    }
  }

  draw() {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const x = (seconds) => (seconds / Math.max(this.seconds, 0.01)) * width;
    const lane = height / 2;
    const stretch = (from, to, top, tall, fill) => {
      pen.fillStyle = fill;
      pen.fillRect(x(from), top, Math.max(2, x(to) - x(from)), tall);
    };
    const hatch = this.hatch(pen, colour("--edge"));
    for (const { kind, from_seconds, to_seconds } of this.sound.masks) {
      stretch(from_seconds, to_seconds, 0, height, kind === "hold" ? colour("--straw") : kind === "erased" ? colour("--rose") : hatch);
    }
    for (const { leg, from_seconds, to_seconds } of [...this.sound.gaps, ...this.sound.lost]) {
      const top = leg === "agent" ? 0 : lane;
      stretch(from_seconds, to_seconds, top + lane - 6, 4, colour("--red"));
    }
    if (this.pieces) {
      LEGS.forEach((leg, channel) => this.wave(pen, channel, lane * channel, lane, width, colour(this.muted[leg] ? "--line" : `--${leg}`)));
    }
    pen.fillStyle = colour("--line");
    pen.fillRect(0, lane - 0.5, width, 1);
    for (const at of this.sound.presses) {
      pen.fillStyle = colour("--red");
      pen.fillRect(x(at) - 1, 0, 2, height);
      pen.beginPath();
      pen.arc(x(at), 6, 5, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  wave(pen, channel, top, tall, width, fill) {
    const count = this.pieces.length / 4;
    const middle = top + tall / 2;
    pen.fillStyle = fill;
    for (let dot = 0; dot < width; dot += 1) {
      const first = Math.floor((dot * count) / width);
      const last = Math.max(first + 1, Math.floor(((dot + 1) * count) / width));
      let [low, high] = [0, 0];
      for (let piece = first; piece < last && piece < count; piece += 1) {
        low = Math.min(low, this.pieces[4 * piece + 2 * channel]);
        high = Math.max(high, this.pieces[4 * piece + 2 * channel + 1]);
      }
      // Telephone talk is quiet: its root shows it.
      const up = Math.sqrt(high / 128) * (tall / 2 - 3);
      const down = Math.sqrt(-low / 128) * (tall / 2 - 3);
      pen.fillRect(dot, middle - up, 1, Math.max(1, up + down));
    }
  }

  hatch(pen, colour) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const lines = tile.getContext("2d");
    lines.strokeStyle = colour;
    lines.beginPath();
    for (const from of [-4, 0, 4, 8]) {
      lines.moveTo(from, 8);
      lines.lineTo(from + 8, 0);
    }
    lines.stroke();
    return pen.createPattern(tile, "repeat");
  }
}

for (const section of document.querySelectorAll(".player[data-sound]")) new Player(section);
