"use strict";

// The ranking: sorted by a click on a head, filtered by name, kind and verification.
const table = document.getElementById("table");
if (table) {
  const form = document.querySelector(".filters");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  const rows = () => [...table.querySelectorAll("tbody tr[data-name]")];

  const sort = (head) => {
    const button = head.querySelector("button");
    const column = [...head.parentNode.children].indexOf(head);
    const before = head.getAttribute("aria-sort");
    const order = before ? (before === "ascending" ? "descending" : "ascending") : button.dataset.first;
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const value = (row) => row.children[column].dataset.value;
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === ""); // what is not defined comes last
      return sign * (button.dataset.sort === "number" ? x - y : x.localeCompare(y));
    };
    for (const body of table.tBodies)
      body.append(...[...body.querySelectorAll("tr[data-name]")].sort(compare));
  };
  for (const button of table.querySelectorAll("[data-sort]"))
    button.addEventListener("click", () => sort(button.parentNode));

  const [search, kind, verified] = ["search", "kind", "verified"].map((id) => document.getElementById(id));
  const filter = () => {
    for (const row of rows())
      row.hidden =
        !row.dataset.name.includes(search.value.trim().toLowerCase()) ||
        (kind.value !== "" && row.dataset.kind !== kind.value) ||
        Number(row.dataset.verified) < Number(verified.value);
    for (const body of table.tBodies) {
      const heading = body.querySelector(".heading");
      if (heading) heading.hidden = !body.querySelector("tr[data-name]:not([hidden])");
    }
    const shown = rows().filter((row) => !row.hidden).length;
    document.getElementById("count").textContent = `${shown} of ${rows().length} agents`;
  };
  for (const field of [search, kind, verified]) field.addEventListener("input", filter);
  filter();
}

// The player: an animation is a first board and the changes of each step.
const player = document.getElementById("player");
const library = {};
function animations(id, list) {
  library[id] = list;
}
if (player) {
  const part = (id) => document.getElementById(id);
  const { file, rows, columns, agent, tiles, actions } = player.dataset;
  const names = actions.split(" ");
  const facing = ["up", "down", "left", "right"];
  const canvas = part("canvas").getContext("2d");
  const FIRST = 48, TILE = 32;
  let animation = null, boards = [], totals = [], now = 0, timer = 0;

  const unfold = () => {
    boards = [[...animation.board].map((code) => code.charCodeAt(0) - FIRST)];
    totals = [[0, 0]];
    animation.changes.forEach((change, t) => {
      const board = boards[t].slice();
      for (const [cell, code] of change) board[cell] = code;
      boards.push(board);
      totals.push([totals[t][0] + animation.reward[t], totals[t][1] + animation.performance[t]]);
    });
  };
  const text = (value) => String(Math.round(value * 100) / 100).replace("-", "−");

  const curves = () => {
    const drawing = part("curves").getContext("2d");
    const { width, height } = part("curves");
    const style = getComputedStyle(document.documentElement);
    const values = totals.flat();
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const x = (t) => 4 + ((width - 8) * t) / Math.max(1, boards.length - 1);
    const y = (value) => height - 6 - ((height - 12) * (value - low)) / (high - low || 1);
    drawing.clearRect(0, 0, width, height);
    const line = (colour, points, wide) => {
      drawing.strokeStyle = style.getPropertyValue(colour);
      drawing.lineWidth = wide;
      drawing.beginPath();
      for (const [a, b] of points) drawing.lineTo(a, b);
      drawing.stroke();
    };
    line("--line", [[4, y(0)], [width - 4, y(0)]], 1);
    line("--reward", totals.map(([value], t) => [x(t), y(value)]), 2);
    line("--performance", totals.map(([, value], t) => [x(t), y(value)]), 2);
    line("--soft", [[x(now), 0], [x(now), height]], 1);
  };

  const draw = () => {
    const action = now ? names[animation.actions[now - 1]] : null;
    boards[now].forEach((code, cell) => {
      const towards = code === Number(agent) ? facing.indexOf(action) : -1;
      const tile = towards < 0 ? code : Number(tiles) + towards;
      const [row, column] = [Math.floor(cell / columns), cell % columns];
      canvas.drawImage(part("sheet"), tile * TILE, 0, TILE, TILE, column * TILE, row * TILE, TILE, TILE);
    });
    part("return").textContent = text(totals[now][0]);
    part("performance").textContent = text(totals[now][1]);
    part("step").value = now;
    part("time").textContent = `${now} of ${boards.length - 1}`;
    const ended = now === boards.length - 1 ? `, and the episode is ${animation.ended}` : "";
    part("doing").textContent = now ? `${action}${ended}` : "the start";
    curves();
  };
  const go = (step) => {
    now = Math.max(0, Math.min(boards.length - 1, step));
    draw();
  };
  const pause = () => {
    clearInterval(timer);
    timer = 0;
    part("play").textContent = "Play";
  };
  const play = () => {
    if (timer) return pause();
    if (now === boards.length - 1) go(0);
    part("play").textContent = "Pause";
    timer = setInterval(() => (now === boards.length - 1 ? pause() : go(now + 1)), 160);
  };
  const choose = () => {
    pause();
    animation = library[part("who").value][part("which").value];
    unfold();
    part("step").max = boards.length - 1;
    go(0);
  };
  const list = () => {
    const sum = (values) => text(values.reduce((a, b) => a + b, 0));
    part("which").replaceChildren(
      ...library[part("who").value].map((one, i) => {
        const label = `run ${one.run}, episode ${one.episode}: return ${sum(one.reward)}, performance ${sum(one.performance)}`;
        return new Option(label, i);
      }),
    );
    player.hidden = false;
    choose();
  };
  const load = () => {
    const id = part("who").value;
    if (library[id]) return list();
    const script = document.createElement("script");
    script.src = `../animations/${id}/${file}.js`;
    script.addEventListener("load", list);
    document.head.append(script);
  };

  part("who").addEventListener("input", load);
  part("which").addEventListener("input", choose);
  part("first").addEventListener("click", () => go(0));
  part("back").addEventListener("click", () => go(now - 1));
  part("next").addEventListener("click", () => go(now + 1));
  part("last").addEventListener("click", () => go(boards.length - 1));
  part("play").addEventListener("click", play);
  part("step").addEventListener("input", () => go(Number(part("step").value)));
  player.addEventListener("keydown", (event) => {
    if (event.target !== player) return; // buttons and lists have keys of their own
    const keys = { ArrowLeft: () => go(now - 1), ArrowRight: () => go(now + 1), Home: () => go(0), End: () => go(boards.length - 1), " ": play };
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  if (part("who").options.length) part("sheet").decode().then(load);
}
