"use strict";
// The player of recorded episodes. Everything recorded comes from one JSON element and reaches the page by textContent
// alone. A world is a start and the cells that each step changed, as it was recorded; all states are made once, when an
// episode is opened, so that stepping back is as cheap as stepping on.
(function () {
  const data = JSON.parse(document.getElementById("episodes").textContent);
  const root = document.getElementById("player");
  const find = name => root.querySelector("[data-part=" + name + "]");
  const canvas = find("world"), words = find("words"), list = find("edits");
  const chapterSelect = find("chapter"), storySelect = find("story"), speedSelect = find("speed");
  const range = find("at"), label = find("step"), link = find("link");
  const button = name => root.querySelector("[data-do=" + name + "]");
  const text = index => data.strings[index];
  const SECONDS = { "0.5": 1.0, "1": 0.5, "2": 0.25, "4": 0.125 };  // a step takes, by speed

  let chapter = data.chapters[0], story = null, states = [], at = 0, selected = 0, timer = null;

  // ---- what was recorded ----

  function statesOf(recorded) {
    const made = [];
    let look = recorded.look, owner = recorded.owner;
    for (const step of recorded.steps) {
      if (step.cells.length) {
        look = look.slice();
        owner = owner.slice();
        for (let k = 0; k < step.cells.length; k += 3) {
          owner[step.cells[k]] = step.cells[k + 1];
          look[step.cells[k]] = step.cells[k + 2];
        }
      }
      made.push({ look: look, owner: owner });
    }
    return made;
  }

  // ---- the world ----

  function drawWorld() {
    const rows = story.rows, cols = story.cols, look = states[at].look, owner = states[at].owner;
    const cell = Math.max(8, Math.floor(768 / Math.max(rows, cols)));
    canvas.width = cols * cell;
    canvas.height = rows * cell;
    const pen = canvas.getContext("2d");
    const colour = code => data.palette[code];
    const ownerAt = (r, c) => r < 0 || c < 0 || r >= rows || c >= cols ? 0 : owner[r * cols + c];
    const eachCell = visit => {
      for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) visit(r, c, r * cols + c);
    };
    eachCell((r, c, i) => {
      const inset = owner[i] ? 0 : Math.round(cell / 8), rim = Math.round(cell / 8);
      pen.fillStyle = colour(look[i]);
      pen.fillRect(c * cell, r * cell, cell, cell);
      if (!story.floor[i]) return;
      pen.fillStyle = colour(story.floor[i]);
      pen.fillRect(c * cell + inset, r * cell + inset, cell - 2 * inset, cell - 2 * inset);
      if (!owner[i]) return;
      pen.fillStyle = colour(look[i]);  // a mark on the floor is seen around what stands on it
      pen.fillRect(c * cell + rim, r * cell + rim, cell - 2 * rim, cell - 2 * rim);
    });
    pen.fillStyle = "rgba(128,128,128,0.28)";
    for (let r = 1; r < rows; r++) pen.fillRect(0, r * cell - 1, canvas.width, 2);
    for (let c = 1; c < cols; c++) pen.fillRect(c * cell - 1, 0, 2, canvas.height);
    const edge = Math.max(2, Math.round(cell / 16));
    eachCell((r, c, i) => {
      const body = owner[i], x = c * cell, y = r * cell;
      if (!body) return;
      pen.fillStyle = colour(look[i]);
      if (ownerAt(r, c + 1) === body) pen.fillRect(x + cell - 2, y + edge, 4, cell - 2 * edge);
      if (ownerAt(r + 1, c) === body) pen.fillRect(x + edge, y + cell - 2, cell - 2 * edge, 4);
      pen.fillStyle = "rgba(0,0,0,0.55)";
      if (ownerAt(r - 1, c) !== body) pen.fillRect(x, y, cell, edge);
      if (ownerAt(r + 1, c) !== body) pen.fillRect(x, y + cell - edge, cell, edge);
      if (ownerAt(r, c - 1) !== body) pen.fillRect(x, y, edge, cell);
      if (ownerAt(r, c + 1) !== body) pen.fillRect(x + cell - edge, y, edge, cell);
    });
    drawAttention(pen, cell);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const marks = story.steps[at].marks;
    for (let k = 0; k < marks.length; k += 3) {
      const r = marks[k], c = marks[k + 1], eye = Math.round(cell / 6), letter = text(story.agents[marks[k + 2]].letter);
      pen.fillStyle = colour(0);
      for (const x of [1 / 3, 2 / 3]) {
        pen.fillRect((c + x) * cell - eye / 2, (r + 0.3) * cell - eye / 2, eye, eye);
      }
      pen.font = "bold " + Math.round(cell * (letter.length > 1 ? 0.3 : 0.36)) + "px sans-serif";
      pen.fillText(letter, (c + 0.5) * cell, (r + 0.78) * cell);
    }
    canvas.setAttribute("aria-label", "the world at step " + at + ", " + rows + " rows by " + cols + " columns");
  }

  function turnOf(step, agent) {
    return story.steps[step].turns.length ? story.steps[step].turns[agent] : null;
  }

  // Rings within the cells, the stronger the more of the selected agent's attention a cell has before its next act.
  function drawAttention(pen, cell) {
    const turn = at + 1 < story.steps.length ? turnOf(at + 1, selected) : null, width = Math.max(2, Math.round(cell / 9));
    if (!turn) return;
    for (let k = 0; k < turn.attention.length; k += 2) {
      const r = Math.floor(turn.attention[k] / story.cols), c = turn.attention[k] % story.cols;
      const strength = Math.min(1, 0.25 + 0.75 * turn.attention[k + 1] / 255), inset = width;
      for (const [ink, wide] of [["rgba(0,0,0," + strength + ")", width + 2], ["rgba(255,255,255," + strength + ")", width - 1]]) {
        pen.strokeStyle = ink;
        pen.lineWidth = wide;
        pen.strokeRect(c * cell + inset, r * cell + inset, cell - 2 * inset, cell - 2 * inset);
      }
    }
  }

  // ---- the words ----

  function element(tag, className, content) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (content !== undefined) node.textContent = content;
    return node;
  }

  function bubble(turn) {
    const node = element("div", "bubble");
    for (const [name, meaning] of turn.says) {
      const said = element("span", "said");
      said.append(element("span", "word", text(name)));
      if (text(meaning)) said.append(element("small", "", text(meaning)));
      node.append(said);
    }
    return node;
  }

  function beliefs(turn) {
    const node = element("div", "beliefs");
    node.append(element("span", "dim", turn ? "believes " : "believes –"));
    for (const [attribute, value, isRight] of turn ? turn.believes : []) {
      const belief = element("span", "", text(attribute) + " " + text(value) + " ");
      belief.append(element("b", isRight ? "right" : "wrong", isRight ? "✓" : "✗"));
      node.append(belief);
    }
    return node;
  }

  // Which experts took the agent's tokens in this step: the visual one ran or not, the others share what is not seen.
  function experts(turn) {
    const node = element("div", "experts");
    node.append(element("span", "dim", "experts "));
    turn.experts.forEach((share, i) => {
      const isVisual = i === 0, told = isVisual ? (share ? "runs" : "idle") : Math.round(100 * share / 255) + "%";
      const meter = element("span", "expert");
      meter.append(element("span", "", (isVisual ? "visual " : i + " ") + told));
      const bar = element("i", "");
      bar.append(element("b", "expert-" + i));
      bar.firstChild.style.width = (100 * share / 255) + "%";
      meter.append(bar);
      node.append(meter);
    });
    return node;
  }

  function writeWords() {
    const isLast = at === story.steps.length - 1;
    words.replaceChildren();
    words.append(element("p", "goal", "goal: " + text(story.goal)), element("p", "dim", text(story.circumstances)));
    story.agents.forEach((agent, i) => {
      const turn = turnOf(at, i);
      const row = element("div", "agent" + (i === selected ? " selected" : "")), body = element("div");
      const head = element("div", "who");
      const name = element("button", "name", text(agent.who));
      name.type = "button";
      name.setAttribute("aria-pressed", i === selected);
      name.title = "show what this agent attends to";
      head.append(name, element("span", "", turn ? text(turn.does) : ""));
      body.append(head);
      if (story.talks) {
        if (turn && turn.says.length) body.append(bubble(turn));
        else body.append(element("div", "dim silent", turn ? "says nothing" : "–"));
      }
      if (agent.believes) body.append(beliefs(turn));
      if (i === selected && turn && turn.experts.length) body.append(experts(turn));
      row.append(element("div", "letter", text(agent.letter)), body);
      row.addEventListener("click", () => choose(i));
      words.append(row);
    });
    const end = element("div", "end");
    if (isLast) {
      end.textContent = (story.isWon ? "✓ " : "✗ ") + text(story.outcome);
      end.classList.add(story.isWon ? "right" : "wrong");
    }
    words.append(end);
  }

  // ---- what happened, as text, each step a link ----

  function hashOf(step) {
    return "#" + chapter.id + "/" + story.id + "/" + step;
  }

  function listEdits() {
    list.replaceChildren();
    story.steps.forEach((step, i) => {
      const row = element("li"), go = element("a", "", "step " + i);
      go.href = hashOf(i);
      row.append(go);
      const did = story.agents
        .map((agent, k) => [text(agent.letter), turnOf(i, k)])
        .filter(([, turn]) => turn && text(turn.does))
        .map(([letter, turn]) => letter + " " + text(turn.does));
      const told = [...did, text(step.text)].filter(part => part).join("; ");
      row.append(element("span", "", i === 0 ? "the start" : told || "nothing changes"));
      list.append(row);
    });
  }

  function markEdit() {
    [...list.children].forEach((row, i) => {
      if (i === at) row.setAttribute("aria-current", "step");
      else row.removeAttribute("aria-current");
    });
    const row = list.children[at];
    // by hand, as scrollIntoView would move the page as well
    if (row) list.scrollTop = row.offsetTop - list.offsetTop - list.clientHeight / 2 + row.clientHeight / 2;
  }

  // ---- from moment to moment ----

  function show(step) {
    const last = story.steps.length - 1;
    at = Math.max(0, Math.min(step, last));
    drawWorld();
    writeWords();
    markEdit();
    range.max = last;
    range.value = at;
    range.setAttribute("aria-valuetext", "step " + at + " of " + last);
    label.textContent = "step " + at + " of " + last;
    link.href = hashOf(at);
    button("first").disabled = button("back").disabled = at === 0;
    button("step").disabled = button("last").disabled = at === last;
    if (at === last) pause();
  }

  function option(value, content) {
    const node = element("option", "", content);
    node.value = value;
    return node;
  }

  function openChapter(index) {
    chapter = data.chapters[index];
    chapterSelect.value = index;
    storySelect.replaceChildren();
    chapter.stories.forEach((each, i) => {
      storySelect.append(option(i, (each.isWon ? "✓ " : "✗ ") + text(each.title) + ": " + text(each.goal)));
    });
  }

  function openStory(index, step) {
    pause();
    story = chapter.stories[index];
    storySelect.value = index;
    states = statesOf(story);
    // whoever sees is more to look at than who does not
    const seeing = story.agents.findIndex((_, k) => story.steps.some(s => s.turns.length && s.turns[k].attention.length));
    selected = seeing >= 0 ? seeing : 0;
    listEdits();
    show(step || 0);
  }

  function choose(agent) {
    if (agent >= 0 && agent < story.agents.length) selected = agent;
    show(at);
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    button("play").textContent = "play";
  }

  function play() {
    if (at === story.steps.length - 1) show(0);
    if (at === story.steps.length - 1) return;
    button("play").textContent = "pause";
    clearInterval(timer);
    timer = setInterval(() => show(at + 1), 1000 * SECONDS[speedSelect.value]);
  }

  function move(step) {
    pause();
    show(step);
  }

  function step(select, by, open) {
    const next = select.selectedIndex + by;
    if (next >= 0 && next < select.options.length) open(next);
  }

  const chooseChapter = index => { openChapter(index); openStory(0, 0); };

  // "#g40/3/5": chapter, episode and step; true where there is such a moment
  function follow(hash) {
    const [chapterId, storyId, stepText] = hash.slice(1).split("/");
    const c = data.chapters.findIndex(each => each.id === chapterId);
    if (c < 0) return false;
    const s = data.chapters[c].stories.findIndex(each => String(each.id) === storyId);
    openChapter(c);
    openStory(Math.max(0, s), Number.parseInt(stepText, 10) || 0);
    return true;
  }

  // ---- hands on ----

  const KEYS = {
    " ": () => { if (timer === null) play(); else pause(); },
    ArrowRight: () => move(at + 1),
    ArrowLeft: () => move(at - 1),
    Home: () => move(0),
    End: () => move(story.steps.length - 1),
    ArrowDown: () => step(storySelect, 1, i => openStory(i, 0)),
    ArrowUp: () => step(storySelect, -1, i => openStory(i, 0)),
    PageDown: () => step(chapterSelect, 1, chooseChapter),
    PageUp: () => step(chapterSelect, -1, chooseChapter),
    "+": () => step(speedSelect, 1, i => { speedSelect.selectedIndex = i; if (timer !== null) play(); }),
    "-": () => step(speedSelect, -1, i => { speedSelect.selectedIndex = i; if (timer !== null) play(); }),
  };

  root.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const tag = event.target.tagName;  // a list, a slider and a button have keys of their own
    if (tag === "SELECT" || (tag === "INPUT" && event.key !== " ") || (tag === "BUTTON" && event.key === " ")) return;
    const act = KEYS[event.key] || (/^[1-9]$/.test(event.key) ? () => choose(Number(event.key) - 1) : null);
    if (!act) return;
    event.preventDefault();
    act();
  });
  button("first").addEventListener("click", () => move(0));
  button("back").addEventListener("click", () => move(at - 1));
  button("step").addEventListener("click", () => move(at + 1));
  button("last").addEventListener("click", () => move(story.steps.length - 1));
  button("play").addEventListener("click", () => { if (timer === null) play(); else pause(); });
  range.addEventListener("input", () => move(Number(range.value)));
  speedSelect.addEventListener("change", () => { if (timer !== null) play(); });
  chapterSelect.addEventListener("change", () => chooseChapter(Number(chapterSelect.value)));
  storySelect.addEventListener("change", () => openStory(Number(storySelect.value), 0));
  canvas.addEventListener("click", event => {
    const box = canvas.getBoundingClientRect();
    const r = Math.floor((event.clientY - box.top) / box.height * story.rows);
    const c = Math.floor((event.clientX - box.left) / box.width * story.cols);
    const body = states[at].owner[r * story.cols + c];
    const agent = story.agents.findIndex(each => body > 0 && each.body === body);
    if (agent >= 0) choose(agent);
  });
  window.addEventListener("hashchange", () => {
    if (follow(location.hash)) root.scrollIntoView({ block: "start" });
  });

  data.chapters.forEach((each, i) => chapterSelect.append(option(i, text(each.name))));
  chapterSelect.parentElement.hidden = data.chapters.length < 2;
  if (!follow(location.hash)) {
    openChapter(data.opens);
    openStory(0, 0);
  }
  storySelect.parentElement.hidden = data.chapters.every(each => each.stories.length < 2);

  // what is shown now, for whoever checks this page against the simulator
  window.boxlings = {
    state: () => ({
      chapter: chapter.id, story: story.id, step: at, steps: story.steps.length - 1, selected: selected,
      isPlaying: timer !== null, rows: story.rows, cols: story.cols,
      look: states[at].look.slice(), owner: states[at].owner.slice(),
    }),
  };
})();
