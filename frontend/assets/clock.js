// The page's one clock: which moment all of it shows. Replay, now, the next hours, what-if branches; on every screen.
//
// window.gunsan_clock: {mode, at [ms], query, run, water: {run, runFrame} of the map}. Each change is announced as the window event `gunsan-moment`; the map
// listens by itself, Dash pages get it as the store `moment`.
(function () {
  const MINUTE = 60000;
  const PRESENT = MINUTE / 2;
  const TICK_MS = 250;
  const TELL_MS = 1000; // panels that ask the server follow at this pace
  const clock = (window.gunsan_clock = { mode: 'live', at: null, query: '', run: null, playing: false, base: 0, now: () => clock.at ?? Date.now() });
  const $ = (query) => document.querySelector(query);
  const KST = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Seoul', dateStyle: 'short', timeStyle: 'medium' });
  const words = () => JSON.parse($('#clock-bar')?.dataset.words ?? '{}');
  const ends = () => ({ low: Number($('#clock-slider').min), high: Number($('#clock-slider').max) });
  const speed = () => Number($('#clock-speed')?.value ?? 60);

  function put(id, props) {
    const element = document.getElementById(id);
    if (window.dash_clientside?.set_props && element?.closest('#console')) window.dash_clientside.set_props(id, props);
    else if (element) Object.assign(element, props.value === undefined ? {} : { value: props.value });
  }

  // --- what is shown ------------------------------------------------------------------------------------------------
  /** Show a moment [ms]; null is now. */
  function show(at, run = clock.run) {
    const now = Date.now();
    const isNow = !run && (at === null || (Math.abs(at - now) < PRESENT && !clock.playing));
    clock.run = run;
    clock.at = isNow ? null : at;
    clock.mode = run ? 'what-if' : isNow ? 'live' : at > now ? 'forecast' : 'replay';
    const ask = new URLSearchParams();
    if (run) ask.set('branch', `run:${run.id}`);
    else if (!isNow) ask.set(at > now ? 'valid_at' : 'as_of', new Date(at).toISOString());
    clock.query = ask.toString();
    if (isNow) clock.playing = false;
    paint();
    announce();
  }

  function paint() {
    const bar = $('#clock-bar');
    if (!bar) return;
    const word = $('#mode-word');
    document.documentElement.dataset.mode = clock.mode;
    if (word) word.textContent = clock.mode === 'live' ? word.dataset.now ?? '' : words()[`mode.${clock.mode}`];
    $('#clock-time').textContent = `${KST.format(clock.now()).slice(5)} KST`;
    $('#clock-play').textContent = clock.playing ? '❚❚' : '▶';
    if (document.activeElement !== $('#clock-slider') || clock.playing) put('clock-slider', { value: place() });
  }

  /** Where the slider stands [min]: around now, or since the start of a run. */
  function place() {
    const since = clock.run ? clock.run.start : Date.now() - clock.base;
    return Math.max(ends().low, Math.min(ends().high, Math.round((clock.now() - since) / MINUTE)));
  }

  function announce() {
    const shown = clock.run ?? (clock.mode === 'forecast' ? forecast() : null);
    clock.water = shown ? { run: shown.water, runFrame: frame(shown) } : { run: null };
    window.dispatchEvent(new CustomEvent('gunsan-moment', { detail: clock }));
    if (shown || clock.hadRun) put($('.twin-map')?.id, clock.water);
    clock.hadRun = Boolean(shown);
    clock.teller ??= setTimeout(() => {
      clock.teller = null;
      put('moment', { data: clock.mode === 'live' ? null : { query: clock.query, at: clock.at, mode: clock.mode } });
    }, clock.mode === 'live' ? 0 : TELL_MS);
  }

  /** The newest forecast of the flood as a branch, once it has come; asked for again when it is two minutes old. */
  function forecast() {
    if (!clock.asked || Date.now() - clock.asked > 2 * MINUTE) {
      clock.asked = Date.now();
      fetch('/api/forecasts/newest')
        .then((answer) => (answer.ok ? answer.json() : { run: null }))
        .then(({ run }) => {
          if (!run?.result.depth || run.id === clock.newest?.id) return;
          clock.newest = branch(run, Date.parse(run.result.issued));
          if (clock.mode === 'forecast') announce();
        }, () => {});
    }
    return clock.newest ?? null;
  }

  function branch(run, start) {
    const { file, nx, ny, times_s, step_m, corners } = run.result.depth;
    const water = { id: run.id, url: `/api/runs/${run.id}/files/${file}`, minus: null, nx, ny, times_s, step_m, corners, measures: run.result.measures };
    return { id: run.id, title: run.title, start, water };
  }

  function frame({ start, water }) {
    const seconds = (clock.at - start) / 1000;
    const { times_s: times } = water;
    return Math.max(0, times.findLastIndex((time) => time <= seconds + 1));
  }

  // --- time passes ----------------------------------------------------------------------------------------------------
  let last = performance.now();
  setInterval(() => {
    const passed = performance.now() - last;
    last += passed;
    if (!$('#clock-bar')) return;
    if (!clock.playing) return clock.mode === 'live' ? paint() : undefined;
    if (clock.isBusy?.()) return undefined; // the map still fetches: the next step waits for it, none is left out of order
    const next = clock.now() + passed * speed();
    const end = clock.run ? clock.run.start + ends().high * MINUTE : Date.now() + ends().high * MINUTE;
    const isOver = next >= end || (clock.mode === 'replay' && next >= Date.now());
    if (isOver) clock.playing = false;
    return show(isOver ? (clock.run ? end : null) : next);
  }, TICK_MS);

  // --- branches -------------------------------------------------------------------------------------------------------
  async function listBranches() {
    const list = $('#clock-branches');
    const t = words();
    const told = await fetch('/api/runs').then((answer) => (answer.ok ? answer.json() : { runs: [] }), () => ({ runs: [] }));
    const done = told.runs.filter((run) => run.state === 'done' && run.result.depth);
    const entry = (text, act) => {
      const button = Object.assign(document.createElement('button'), { textContent: text, onclick: act, type: 'button' });
      const item = document.createElement('li');
      item.append(button);
      return item;
    };
    const close = (act) => () => {
      act();
      list.closest('details').open = false;
    };
    const plan = Object.assign(document.createElement('a'), { href: `/planner?lang=${document.documentElement.lang || 'ko'}`, textContent: t['clock.to_planner'] });
    const last = document.createElement('li');
    last.append(plan);
    list.replaceChildren(
      ...(clock.run ? [entry(t['clock.live_branch'], close(leave))] : []),
      ...done.map((run) => entry(run.title, close(() => enter(run)))),
      ...(done.length ? [] : [Object.assign(document.createElement('li'), { textContent: t['clock.no_branches'], className: 'faint' })]),
      last,
    );
  }

  function enter(run) {
    const entered = branch(run, Date.parse(run.result.start ?? run.asked));
    const { start, water: { times_s } } = entered;
    put('clock-slider', { min: 0, max: Math.ceil(times_s.at(-1) / 60), value: 0 });
    Object.assign($('#clock-slider'), { min: 0, max: Math.ceil(times_s.at(-1) / 60) });
    show(start, entered);
  }

  function leave() {
    const { reach } = clock;
    put('clock-slider', { ...reach, value: 0 });
    Object.assign($('#clock-slider'), reach);
    clock.base = 0;
    show(null, null);
  }

  // --- hands ----------------------------------------------------------------------------------------------------------
  const actions = {
    'clock-play'() {
      clock.playing = !clock.playing;
      if (clock.playing && clock.mode === 'live') clock.at = Date.now() - 60 * MINUTE; // what led up to this
      show(clock.at ?? Date.now());
    },
    'clock-now': () => leave(),
    'clock-earlier'() {
      clock.base += 24 * 60 * MINUTE;
      show(clock.now() - 24 * 60 * MINUTE);
    },
  };
  clock.show = show;
  clock.leave = leave;

  document.addEventListener('click', ({ target }) => {
    if (!(target instanceof Element) || !$('#clock-bar')) return;
    const button = target.closest('#clock-bar button[id]');
    if (button) actions[button.id]?.();
    if (target.closest('.clock-branches summary')) listBranches();
  });
  document.addEventListener('input', ({ target }) => {
    const slider = $('#clock-slider');
    if (!slider || target !== (slider.matches('input') ? slider : slider.querySelector('input'))) return;
    clock.reach ??= ends();
    const since = clock.run ? clock.run.start : Date.now() - clock.base;
    const minutes = Number(target.value);
    clock.playing = false;
    show(minutes === 0 && !clock.run && !clock.base ? null : since + minutes * MINUTE);
  });
  document.addEventListener('keydown', (event) => {
    if (!$('#clock-bar') || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const isText = event.target.matches?.('input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select');
    const key = event.key.toLowerCase();
    if (isText) return;
    if (key === 't') $('#clock-slider').focus();
    else if (key === 'n') leave();
    else if (key === ' ' && event.target.matches('#clock-slider')) actions['clock-play']();
    else return;
    event.preventDefault();
  });
  new MutationObserver(() => {
    const bar = $('#clock-bar');
    if (!bar || bar.dataset.ready) return;
    bar.dataset.ready = '1';
    clock.reach = { min: $('#clock-slider').min, max: $('#clock-slider').max };
    paint();
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
