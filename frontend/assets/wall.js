// The wall: looks by itself every few seconds, flies to what matters, opens its cameras, and comes back after failures.
// The same file drives the desk at which layouts are saved and pushed.
(function () {
  const LOOK_MS = 3000;
  const STAY_MS = 20000; // with more than one incident the map goes round
  const CALM_MS = 4000;
  const OLD_PICTURE_MS = 8000;
  const WIDE = new Set(['flood', 'outage']); // a catchment, not a house
  const BUILD_MS = 60000;
  const $ = (query) => document.querySelector(query);
  const json = async (path, options) => {
    const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(10000), ...options });
    if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.error?.what ?? `${path}: ${answer.status}`);
    return answer.json();
  };
  const element = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? '' });
  if ($('#wall-desk')) return desk();
  const wall = $('#wall');
  if (!wall) return undefined;
  for (const one of wall.querySelectorAll('[title]')) one.removeAttribute('title'); // no hand is there to hover

  const words = JSON.parse(wall.dataset.words);
  const marks = JSON.parse(wall.dataset.marks);
  const language = document.documentElement.lang;
  const name = (record) => (language === 'en' && record.title_en) || record.title_ko;
  const state = (window.__wall = { looks: 0, focus: null, pictures: 0, shown: JSON.parse(wall.dataset.layout), cameras: null });

  // --- the map --------------------------------------------------------------------------------------------------------
  const { Engine, base } = window.gunsan_twin;
  const props = { spec: JSON.parse($('#spec').textContent), language, mode: wall.dataset.mapMode, base, isWall: true, pixelRatio: Number(getComputedStyle(document.documentElement).getPropertyValue('--scale')) };
  const engine = new Engine($('#map'), props, () => {});

  // --- incidents ------------------------------------------------------------------------------------------------------
  const isAbnormal = (severity) => severity && severity !== 'info';
  function list(rows, total) {
    const box = $('#incidents');
    box.replaceChildren(...rows.map(row));
    let hidden = total - rows.length;
    while (box.scrollHeight > box.clientHeight && box.children.length > 1) {
      box.lastElementChild.remove(); // what does not fit is counted, never cut in half
      hidden += 1;
    }
    $('#more').textContent = hidden > 0 ? words['wall.more'].replace('{n}', hidden) : '';
    if (!rows.length) box.replaceChildren(element('li', 'none', words['wall.none']));
  }
  function row({ id, severity, title, line, isNew }) {
    const item = element('li', `${isNew ? 'is-new' : ''} ${id === state.focus?.id ? 'is-focus' : ''}`);
    item.append(Object.assign(new Image(), { src: marks[severity] ?? marks.info, alt: words[`severity.${severity}`] ?? '' }), element('b', '', title), element('span', '', line));
    return item;
  }
  const ago = (time) => window.gunsan_plain.age((Date.now() - Date.parse(time)) / 1000);
  const unit = (one) => (language === 'en' && one.unit_en) || one.unit_ko || '';
  function ofIncident(one) {
    const line = [words[`severity.${one.severity}`], unit(one), words[one.has_grown ? 'state.grown' : `wall.${one.state}`], ago(one.opened)].filter(Boolean).join(' · ');
    return { id: one.id, severity: one.severity, title: name(one), line, isNew: one.state === 'new' || one.has_grown, isWide: WIDE.has(one.topic), lon: one.lon, lat: one.lat };
  }
  function ofAlarm(one) {
    const place = [(language === 'en' && one.name_en) || one.name_ko, unit(one)].filter(Boolean).join(' · ');
    return { id: `alarm-${one.id}`, severity: one.severity, title: one.title[language], line: `${place} · ${ago(one.onset)}`, isNew: one.state === 'UNACK', lon: one.lon, lat: one.lat };
  }

  /** Stay with the first; with several, go round; fly only when the place is another. */
  function attend(rows) {
    const { layout } = state.shown;
    const placed = rows.filter((one) => one.lon !== null && isAbnormal(one.severity));
    const now = Date.now();
    const first = placed[0] ?? null;
    const isDue = now - (state.since ?? 0) > STAY_MS;
    let next = placed.find((one) => one.id === state.focus?.id) ?? first;
    if (first && first.id !== state.first) next = first;
    else if (isDue && placed.length > 1) next = placed[(placed.findIndex((one) => one.id === state.focus?.id) + 1) % placed.length];
    if (!layout.follows) next = null;
    state.first = first?.id ?? null;
    if (next?.id === state.focus?.id && (next || state.isHome)) return;
    Object.assign(state, { focus: next, since: now, isHome: !next });
    $('#map-place').textContent = next ? next.title : '';
    engine.home(next ? { lon: next.lon, lat: next.lat, zoom: next.isWide ? 13.4 : 15.2 } : layout.view);
  }

  // --- cameras --------------------------------------------------------------------------------------------------------
  const tiles = [...document.querySelectorAll('.camera')].map((box) => ({ box, image: box.querySelector('img'), caption: box.querySelector('.caption'), said: box.querySelector('p'), at: 0 }));
  let socket = null;
  let tries = 0;
  function look(incident) {
    if (socket?.incident === incident || (socket === null && incident === null)) return;
    clearTimeout(look.timer);
    const old = socket;
    socket = null;
    old?.close();
    clear(words['wall.no_camera']);
    if (incident !== null) connect(incident);
  }
  function connect(incident) {
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    const mine = (socket = new WebSocket(`${scheme}://${window.location.host}/ws/cameras?incident=${incident}&purpose=${encodeURIComponent(words['wall.purpose'])}&ground=within_purpose`));
    mine.incident = incident;
    mine.binaryType = 'arraybuffer';
    mine.onmessage = ({ data }) => mine === socket && (typeof data === 'string' ? announce(JSON.parse(data)) : show(data));
    mine.onclose = ({ code, reason }) => {
      if (mine !== socket) return;
      if (code === 4403 || code === 4404) return clear(reason || words['wall.no_camera']);
      tries += 1;
      look.timer = setTimeout(() => mine === socket && connect(incident), Math.min(1000 * 2 ** tries, 15000));
    };
  }
  function announce(told) {
    tries = 0;
    state.cameras = told;
    const isThere = told.source !== 'not_connected';
    tiles.forEach((tile, n) => {
      const camera = told.cameras[n];
      Object.assign(tile, { camera, at: 0 });
      tile.image.hidden = true;
      tile.said.textContent = !camera ? words['wall.no_camera'] : isThere ? words['wall.waiting'] : words['wall.not_connected'];
      tile.caption.textContent = camera ? `${(language === 'en' && camera.name_en) || camera.name_ko} · ${camera.distance_m} m` : '';
    });
  }
  function show(data) {
    const length = new DataView(data).getUint32(0, true);
    const { asset } = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const tile = tiles.find((one) => one.camera?.asset === asset);
    if (!tile) return;
    URL.revokeObjectURL(tile.url);
    tile.url = URL.createObjectURL(new Blob([new Uint8Array(data, 4 + length)], { type: 'image/jpeg' }));
    tile.image.src = tile.url;
    tile.image.hidden = false;
    tile.at = Date.now();
    state.pictures += 1;
  }
  function clear(text) {
    state.cameras = null;
    for (const tile of tiles) {
      URL.revokeObjectURL(tile.url);
      Object.assign(tile, { camera: null, url: '', at: 0 });
      tile.image.hidden = true;
      tile.image.removeAttribute('src');
      tile.said.textContent = text;
      tile.caption.textContent = '';
    }
  }

  // --- the round ------------------------------------------------------------------------------------------------------
  async function round() {
    try {
      const { branch } = state.shown.layout;
      const [screen, incidents, alarms, budget] = await Promise.all([
        json('/api/wall'),
        json(`/api/incidents?branch=${encodeURIComponent(branch)}`),
        json('/api/alarms'),
        json('/api/alarms/budget').catch(() => null),
      ]);
      if (JSON.stringify(screen.shown) !== JSON.stringify(state.shown)) return arrange(screen.shown);
      const open = incidents.incidents.filter((one) => isAbnormal(one.severity)).map(ofIncident);
      const rows = open.length || branch !== 'live' ? open : alarms.alarms.map(ofAlarm);
      attend(rows);
      list(rows.slice(0, 12), rows.length);
      look(open[0]?.id ?? null);
      count(budget, alarms.alarms);
      document.documentElement.dataset.mode = branch === 'live' ? 'live' : 'drill';
      $('#mode-word').textContent = branch === 'live' ? '' : words['mode.drill'];
      link('live');
      state.looks += 1;
    } catch (error) {
      console.warn(String(error));
      link('lost');
    }
    return undefined;
  }
  function count(budget, alarms) {
    const box = $('#budget');
    const open = alarms.filter((one) => one.state === 'UNACK').length;
    box.textContent = budget ? `${words['wall.budget']} ${budget.now}/${budget.budget}` : `${words['wall.unacknowledged']} ${open}`;
    box.classList.toggle('is-over', budget ? budget.now > budget.budget : false);
  }
  function link(is) {
    document.documentElement.dataset.link = is;
    state.heard = is === 'live' ? Date.now() : state.heard;
    $('#wall-link').textContent = is === 'live' ? words['link.live'] : `${words['link.lost']}${state.heard ? ` · ${ago(new Date(state.heard))}` : ''}`;
  }
  /** Another layout: a new page costs a second and leaves nothing behind. */
  function arrange(shown) {
    state.shown = shown;
    window.location.reload();
  }
  async function follow() {
    await round();
    setTimeout(follow, LOOK_MS);
  }
  setInterval(() => {
    for (const tile of tiles) tile.box.classList.toggle('is-old', tile.at > 0 && Date.now() - tile.at > OLD_PICTURE_MS);
    for (const figure of window.gunsan_plain.told?.figures ?? []) {
      const box = document.querySelector(`[data-figure="${figure.id}"]`)?.closest('.figure');
      box?.classList.toggle('is-old', !figure.at || Date.now() / 1000 - figure.at > figure.stale_after_s);
    }
    $('#date').textContent = new Date().toLocaleDateString(language === 'en' ? 'en-GB' : 'ko-KR', { timeZone: 'Asia/Seoul', month: 'long', day: 'numeric', weekday: 'short' });
  }, 1000);
  setInterval(async () => {
    const now = await fetch('/wall/build', { cache: 'no-store' }).then((answer) => (answer.ok ? answer.text() : null), () => null);
    if (now && now !== wall.dataset.build) window.location.reload();
  }, BUILD_MS);
  setTimeout(follow, Math.min(CALM_MS, 300));

  // --- the desk of the wall -------------------------------------------------------------------------------------------
  function desk() {
    const t = JSON.parse($('#wall-desk').dataset.words);
    const say = (text) => ($('#layout-said').textContent = text);
    const act = (path, method, body) => json(path, { method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
    async function refresh() {
      const { shown, saved } = await json('/api/wall');
      $('#shown-name').textContent = shown.name ?? t['wall.usual'];
      $('#layouts').replaceChildren(
        ...saved.map(({ name: key }) => {
          const item = element('li', 'layout');
          const path = `/api/wall/layouts/${encodeURIComponent(key)}`;
          const button = (text, run) => Object.assign(element('button', '', text), { type: 'button', onclick: () => run().then(refresh).catch((error) => say(error.message)) });
          item.append(element('b', '', key), button(t['wall.push'], () => act(`${path}/show`, 'POST')), button(t['wall.delete'], () => act(path, 'DELETE')));
          return item;
        }),
      );
    }
    $('#layout-form').addEventListener('submit', async (event) => {
      event.preventDefault();
      const form = new FormData(event.target);
      const [lon, lat, zoom] = (form.get('view') || '').split(',').map(Number);
      const layout = { arrangement: form.get('arrangement'), figures: form.getAll('figures'), follows: form.has('follows'), view: zoom ? { lon, lat, zoom } : null, language: document.documentElement.lang };
      try {
        await act(`/api/wall/layouts/${encodeURIComponent(form.get('name').trim())}`, 'PUT', layout);
        say(t['wall.saved']);
        await refresh();
      } catch (error) {
        say(error.message);
      }
    });
    return refresh().catch((error) => say(error.message));
  }
  return undefined;
})();
