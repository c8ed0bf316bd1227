// The desk at work: asks REST, listens to the live channel, acts by click and by key. One sound at a time.
(function () {
  const parts = window.gunsan_desk;
  if (!parts) return;
  const { el, w, language } = parts;
  const $ = (query) => document.querySelector(query);
  const [POLL_MS, AROUND_MS, SAID_MS] = [5000, 60000, 15000];
  const TABS = ['incidents', 'alarms', 'shelved', 'closed', 'alerts', 'drills'];
  const query = new URLSearchParams(window.location.search);
  const state = (window.__desk = { tab: TABS.includes(query.get('tab')) ? query.get('tab') : 'incidents', branch: query.get('branch') ?? 'live', incident: Number(query.get('incident')) || null, alarm: null, alert: null, maintenance: null, isWriting: false, lists: {}, told: null, loads: 0, heard: [], tries: 0 });

  async function call(path, body, method) {
    const options = body === undefined ? {} : { method: method ?? 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    const answer = await fetch(`/api${path}`, { cache: 'no-store', signal: AbortSignal.timeout(15000), ...options });
    const told = await answer.json().catch(() => null);
    if (!answer.ok) throw new Error(told?.error?.what ?? `${answer.status}`);
    return told;
  }
  const branch = () => encodeURIComponent(state.branch);
  const COUNTS = { drills: (one) => !one.ended, alerts: (one) => ['draft', 'approved'].includes(parts.alerts.stand(one)) };
  const isOurs = (one) => (one.branch ?? 'live') === state.branch;

  // --- reading --------------------------------------------------------------------------------------------------------
  async function load() {
    try {
      const [open, closed, alarms, shelved, out, budget, alerts, drills, real] = await Promise.all([
        call(`/incidents?branch=${branch()}`), call(`/incidents?closed=true&branch=${branch()}`), call(`/alarms?branch=${branch()}`), call(`/alarms?state=SHLVD&branch=${branch()}`), call('/maintenance'), call('/alarms/budget'), call('/alerts'), call('/drills'), state.branch === 'live' ? null : call('/incidents?branch=live'),
      ]);
      state.lists = { incidents: open.incidents.filter((one) => one.severity !== 'info' || one.group_key === null), closed: closed.incidents, alarms: alarms.alarms, shelved: [...shelved.alarms, ...(state.branch === 'live' ? out.maintenance : [])], alerts: alerts.alerts.filter(isOurs), drills: drills.drills };
      for (const [name, rows] of Object.entries(state.lists)) $(`#count-${name}`).textContent = rows.filter(COUNTS[name] ?? Boolean).length || '';
      const waiting = real?.incidents.filter((one) => one.state === 'new' && one.severity !== 'info').length ?? 0;
      $('#real').textContent = waiting ? `${w('desk.real_new')} ${waiting}` : '';
      window.gunsan_gauge.draw($('#budget'), budget);
      draw();
      await show();
      link('live');
      state.loads += 1;
    } catch (error) {
      link('lost');
      say(String(error.message ?? error));
    }
  }
  function link(is) {
    document.documentElement.dataset.link = is;
    $('#desk-link').textContent = w(`link.${is}`);
    $('#desk-link').className = `link is-${is}`;
    if (is === 'live' && state.isLost) say('');
    state.isLost = is !== 'live';
  }
  function say(text) {
    $('#said').textContent = text;
    clearTimeout(say.timer);
    if (!state.isLost) say.timer = setTimeout(() => ($('#said').textContent = ''), SAID_MS);
  }
  function draw() {
    const rows = state.lists[state.tab] ?? [];
    const made = { incidents: (one) => parts.incidentRow(one, one.id === state.incident), closed: (one) => parts.incidentRow(one, one.id === state.incident), alarms: (one) => parts.alarmRow(one, one.id === state.alarm), shelved: (one) => (one.began ? parts.outRow(one, one.id === state.maintenance) : parts.alarmRow(one, one.id === state.alarm)), alerts: (one) => parts.alerts.row(one, one.identifier === state.alert), drills: (one) => parts.drillRow(one, one.branch === state.branch) }[state.tab];
    const starts = state.tab === 'drills' ? parts.scenarios.map((one) => el('li', { className: 'row' }, el('button', { type: 'button', 'data-start': one.id }, el('strong', {}, `▶ ${one.title}`)))) : [];
    const had = document.activeElement?.closest?.('#rows') ? document.activeElement : null;
    const key = had && [...had.attributes].find((one) => one.name.startsWith('data-'));
    $('#rows').replaceChildren(...starts, ...rows.map(made), ...(rows.length || starts.length ? [] : [el('li', { className: 'empty' }, w(`desk.none_${state.tab}`))]));
    if (key) $(`#rows [${key.name}="${CSS.escape(key.value)}"]`)?.focus();
    for (const tab of document.querySelectorAll('[data-tab]')) tab.setAttribute('aria-pressed', tab.dataset.tab === state.tab);
    const isDrill = state.branch !== 'live';
    $('#to-live').hidden = !isDrill;
    document.documentElement.dataset.mode = isDrill ? 'drill' : 'live';
    $('#mode-word').textContent = isDrill ? w('mode.drill') : '';
    tick();
  }
  async function show() {
    if (state.isWriting) return;
    if (state.alert !== null) return showAlert();
    if (state.incident === null) return;
    const number = state.incident;
    const [told, notices, { shares }] = await Promise.all([call(`/incidents/${number}`), call(`/incidents/${number}/notices`), call(`/incidents/${number}/shares`).catch(() => ({ shares: [] }))]);
    if (state.around?.of !== number || Date.now() - state.around.at > AROUND_MS) lookAround(number);
    const { cameras, help, isThere } = state.around;
    const mark = JSON.stringify([told, notices, cameras, help, isThere, shares.map(({ last_seen, ...one }) => one)]);
    if (number !== state.incident || state.isWriting || mark === state.mark) return;
    Object.assign(state, { told, mark });
    const focus = document.activeElement?.closest?.('#detail') ? { ...document.activeElement.dataset } : null;
    $('#detail').replaceChildren(...parts.detail(told, { notices: notices.notices, cameras: cameras.cameras, facilities: help.facilities, shares, isWaiting: !state.around.isThere }));
    parts.drawCase(told, cameras);
    if (focus?.do) ($(`#detail [data-do="${focus.do}"]${focus.task ? `[data-task="${focus.task}"]` : ''}`) ?? $(`#detail [data-do="${focus.do}"]`) ?? $('#detail')).focus();
    tick();
  }
  /** Ask what is near an incident; what is known of it stays on the screen until the answer is there. */
  function lookAround(number) {
    const none = { cameras: [], facilities: [] };
    const had = state.around?.of === number ? state.around : { cameras: none, help: none };
    const mine = (state.around = { ...had, of: number, at: Date.now() });
    Promise.all([call(`/incidents/${number}/cameras`).catch(() => none), call(`/incidents/${number}/help`).catch(() => none)]).then(([cameras, help]) => {
      if (state.around !== mine) return;
      Object.assign(mine, { cameras, help, isThere: true });
      show().catch((error) => say(error.message));
    });
  }
  function showAlert() {
    const one = state.lists.alerts.find((row) => row.identifier === state.alert);
    const mark = JSON.stringify([one, language]);
    if (!one || mark === state.mark) return;
    state.mark = mark;
    fill(parts.alerts.detail(one, active()));
  }
  const active = () => (state.lists.alerts ?? []).filter(parts.alerts.isActive);
  /** Put parts into the right side; the last of them draws what needs a place on the screen first. */
  function fill(made) {
    const { draw: then } = made.pop();
    $('#detail').replaceChildren(...made.filter((one) => one instanceof Node));
    then();
    tick();
  }
  function write(given) {
    Object.assign(state, { isWriting: true, mark: null });
    fill(parts.alerts.form(given, active(), async (body) => {
      const made = await call('/alerts', body);
      Object.assign(state, { isWriting: false, alert: made.identifier, incident: null, tab: 'alerts', mark: null });
      await load();
    }));
  }
  function choose(number, alert = null) {
    if (state.isWriting && !window.confirm(w('cap.lose'))) return;
    Object.assign(state, { incident: number, alert, mark: null, isWriting: false });
    if (!state.isLost) say('');
    $('#detail').scrollTop = 0;
    if (number !== window.gunsan_desk_look.incident) window.gunsan_desk_look.close();
    if (number === null && alert === null) $('#detail').replaceChildren(el('p', { className: 'empty' }, w('desk.choose_one')));
    draw();
    show().catch((error) => say(error.message));
  }

  // --- time -----------------------------------------------------------------------------------------------------------
  function tick() {
    const now = Date.now();
    for (const time of document.querySelectorAll('time.age[datetime]')) time.textContent = w('desk.ago').replace('{t}', parts.span((now - Date.parse(time.dateTime)) / 1000));
    for (const timer of document.querySelectorAll('[data-due]')) {
      const left = (Date.parse(timer.dataset.due) - now) / 1000;
      timer.textContent = left < 0 ? `${w('desk.overdue')} ${parts.span(left)}` : parts.span(left);
      timer.classList.toggle('late', left < 0);
    }
    $('#clock').textContent = `${new Date().toLocaleString('sv-SE', { timeZone: 'Asia/Seoul' }).slice(5)} KST`;
  }
  setInterval(tick, 1000);
  setInterval(() => $('.row.is-new, .sign-blinking') && $('#desk').classList.toggle('is-dim'), 600);

  // --- the live channel tells when to ask again ---------------------------------------------------------------------------
  function listen() {
    const socket = new WebSocket(`${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}/ws/live`);
    socket.onopen = () => {
      state.tries = 0;
      socket.send(JSON.stringify({ type: 'subscribe', layers: [], bbox: [126.3, 35.8, 127, 36.1] }));
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== 'string') return;
      const told = JSON.parse(data);
      if (told.type !== 'event' || !/^(alarm|incident|drill)_/.test(told.kind)) return;
      state.heard.push({ seq: told.seq, kind: told.kind, at: Date.now() });
      state.heard.splice(0, state.heard.length - 200);
      window.gunsan_bell.hear(told, state.branch);
      soon();
    };
    socket.onclose = ({ code }) => {
      if (code === 4401) window.location.reload(); // the session has ended
      else setTimeout(listen, Math.min(500 * 2 ** state.tries++, 15000));
    };
  }
  let wish = null;
  function soon() {
    wish ??= setTimeout(() => {
      wish = null;
      load();
    }, 150);
  }

  // --- asking and doing ---------------------------------------------------------------------------------------------------
  /** Ask for some words; resolves to the form's values, or null. */
  function ask(verb, fields, about = '') {
    const box = $('#ask');
    const inputs = fields.map(({ name, kind = 'text', value = '', options, isOptional, known, label = name }) => el('label', {}, w(`desk.${label}`), options ? el('select', { name }, options.map(([key, text]) => el('option', { value: key, selected: key === value }, text))) : el(kind === 'area' ? 'textarea' : 'input', { name, value, required: !isOptional, maxLength: 500, list: known && 'known', ...(kind === 'number' ? { type: 'number', min: 1 } : {}) })));
    box.replaceChildren(el('form', { method: 'dialog' }, el('h2', {}, w(`desk.${verb}`)), about ? el('p', {}, about) : null, inputs, el('datalist', { id: 'known' }, fields.flatMap((one) => one.known ?? []).map((value) => el('option', { value }))), el('div', { className: 'verbs' }, el('button', { type: 'submit', value: 'ok', className: 'is-main' }, w(`desk.${verb}`)), el('button', { type: 'button', value: '', onclick: () => box.close('') }, w('desk.leave')))));
    box.querySelector('form').onkeydown = (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !event.target.matches('select, textarea')) return;
      event.preventDefault();
      box.querySelector('[type=submit]').click();
    };
    box.returnValue = '';
    box.showModal();
    box.querySelector('input, select, textarea, [type=submit]').focus();
    return new Promise((resolve) => {
      box.onclose = () => resolve(box.returnValue === 'ok' ? Object.fromEntries(new FormData(box.querySelector('form'))) : null);
    });
  }
  const here = () => `/incidents/${state.incident}`;
  /** Ask why; what was typed stays for the next try when it is refused. */
  const reason = async (verb, about = '') => {
    const given = await ask(verb, [{ name: 'reason', value: state.typed ?? '' }], about);
    state.typed = given?.reason;
    return given;
  };
  const chosenAlarm = () => (['alarms', 'shelved'].includes(state.tab) ? state.alarm : null);
  const theAlert = (identifier) => state.lists.alerts.find((one) => one.identifier === identifier);
  /** Ask which asset is meant, by a part of its name. */
  async function findAsset() {
    const given = await ask('out', [{ name: 'asset' }]);
    if (!given) return null;
    const found = (await call(`/search?q=${encodeURIComponent(given.asset)}`)).results.filter((one) => one.asset !== null);
    if (!found.length) throw new Error(`${w('desk.not_found')}: ${given.asset}`);
    const names = new Map(found.map((one) => [String(one.asset), `${(language === 'en' && one.name_en) || one.name_ko} · ${parts.layers[one.layer] ?? one.layer}`]));
    const chosen = found.length === 1 ? { which: String(found[0].asset) } : await ask('out', [{ name: 'which', options: [...names] }]);
    return chosen && { asset: chosen.which, name: names.get(chosen.which) };
  }
  const DO = {
    acknowledge: () => {
      if (chosenAlarm()) return call(`/alarms/${chosenAlarm()}/acknowledge`, {});
      if (state.told?.id === state.incident && state.told.state !== 'new' && !state.told.unacknowledged) throw new Error(w('refused.already'));
      return call(`${here()}/acknowledge`, {});
    },
    ack_alarm: ({ alarm }) => call(`/alarms/${alarm}/acknowledge`, {}),
    dispatch: async () => (await ask('dispatch', [{ name: 'who', known: state.around.help.facilities.filter((one) => one.kind !== 'shelter').map((one) => (language === 'en' && one.name_en) || one.name_ko) }]).then((given) => given && call(`${here()}/dispatch`, { reason: given.who }))),
    notify: async () => (await ask('notify', [], w('desk.notify_about')).then((given) => given && call(`${here()}/notices`, {}))),
    close: async () => {
      if (state.told?.id === state.incident && state.told.holding) throw new Error(w('refused.standing')); // before anybody types
      const open = state.told?.tasks.filter((one) => one.state === 'open').length;
      const given = await reason('close', open ? `${w('desk.tasks')} ${open} · ${w('desk.not_done')}` : '');
      if (given) await call(`${here()}/close`, given);
    },
    reopen: async () => (await reason('reopen').then((given) => given && call(`${here()}/reopen`, given))),
    merge: async () => {
      const given = await ask('merge', [{ name: 'into', kind: 'number' }]);
      if (!given) return;
      await call(`${here()}/merge`, { into: Number(given.into) });
      choose(Number(given.into));
    },
    add_task: async () => (await ask('add_task', [{ name: 'task' }, { name: 'minutes', kind: 'number', isOptional: true }]).then((given) => given && call(`${here()}/tasks`, { title: given.task, due: given.minutes ? new Date(Date.now() + given.minutes * 60000).toISOString() : null }))),
    note: async () => (await ask('note', [{ name: 'text', kind: 'area' }]).then((given) => given && call(`${here()}/notes`, given))),
    done: ({ task }) => call(`${here()}/tasks/${task}`, { state: 'done' }),
    skip: async ({ task }) => (await reason('skip').then((given) => given && call(`${here()}/tasks/${task}`, { state: 'skipped', note: given.reason }))),
    shelve: async ({ alarm = chosenAlarm() }) => {
      if (!alarm) return;
      if (state.lists.shelved.some((one) => !one.began && one.id === Number(alarm))) return DO.unshelve({ alarm });
      const given = await ask('shelve', [{ name: 'reason' }, { name: 'minutes', label: 'hours', options: [[30, `30${w('unit.min')}`], ...[1, 4, 8, 24].map((n) => [n * 60 - 1, `${n}${w('unit.h')}`])] }]);
      if (given) await call(`/alarms/${alarm}/shelve`, { reason: given.reason, until: new Date(Date.now() + given.minutes * 60000).toISOString() });
    },
    unshelve: ({ alarm }) => call(`/alarms/${alarm}/unshelve`, {}),
    out: async ({ asset, name }) => {
      const chosen = state.lists.alarms.find((one) => one.id === chosenAlarm());
      const it = asset ? { asset, name } : chosen?.asset ? { asset: chosen.asset, name: chosen.name_ko } : await findAsset();
      if (!it) return;
      const given = await ask('out', [{ name: 'reason' }, { name: 'hours', options: [[1, 1], [4, 4], [8, 8], [24, 24], [72, 72], [168, 168]].map(([key, n]) => [key, `${n}${w('unit.h')}`]) }], it.name);
      if (given) await call('/maintenance', { asset: Number(it.asset), reason: given.reason, until: new Date(Date.now() + given.hours * 3600000).toISOString() });
    },
    back: ({ maintenance }) => call(`/maintenance/${maintenance}/end`, {}),
    alert: async () => write(parts.alerts.begin(await call(`${here()}/alert`), state.incident)),
    approve: ({ alert = state.alert }) => call(`/alerts/${alert}/approve`, {}),
    withdraw: async ({ alert = state.alert }) => (await reason('withdraw').then((given) => given && call(`/alerts/${alert}/withdraw`, given))),
    update: ({ alert = state.alert }) => write(parts.alerts.follow(theAlert(alert), 'Update')),
    cancel: ({ alert = state.alert }) => write(parts.alerts.follow(theAlert(alert), 'Cancel')),
    leave_form: () => choose(state.incident, state.alert),
    open: async () => {
      const given = await ask('open', [{ name: 'name' }, { name: 'topic', options: parts.topics }, { name: 'severity', options: ['caution', 'alarm', 'danger'].map((one) => [one, w(`severity.${one}`)]) }, { name: 'place', isOptional: true }]);
      if (!given) return;
      const [lat, lon] = (given.place || '').split(',').map(Number);
      const made = await call('/incidents', { topic: given.topic, title: given.name, severity: given.severity, ...(lat && lon ? { lat, lon } : {}) });
      choose(made.id);
    },
    look: () => window.gunsan_desk_look.toggle(state.told, ask),
    share: () => window.gunsan_desk_share.share(state.told, state.around.help.facilities),
    revoke: ({ share }) => window.gunsan_desk_share.revoke(share),
    register: async ({ kind }) => (await reason('register').then((given) => given && window.open(`/api/shares/register.${kind}?incident=${state.incident}&reason=${encodeURIComponent(given.reason)}`, '_blank', 'noopener'))),
    pack: async ({ kind }) => (await reason('pack').then((given) => given && window.open(`/api${here()}/pack.${kind}?reason=${encodeURIComponent(given.reason)}`, '_blank', 'noopener'))),
    end_drill: async ({ drill = theDrill()?.id }) => {
      if (!drill) return;
      score(await call(`/drills/${drill}/end`, {}));
      await onWall(drill, false);
    },
    score: async ({ drill = theDrill()?.id }) => drill && score(await call(`/drills/${drill}/score`)),
    on_wall: ({ drill = theDrill()?.id }) => drill && onWall(drill, true),
    to_live: () => enter('live'),
  };
  const theDrill = () => state.lists.drills.find((one) => one.branch === state.branch);
  /** Let the wall show a drill, or let it go back to the real city when it shows this one. */
  async function onWall(drill, isOn) {
    const { shown } = await call('/wall');
    const [name, branch] = isOn ? [`${w('mode.drill')} ${drill}`, `drill:${drill}`] : [w('desk.live_layout'), 'live'];
    if (!isOn && shown.layout.branch !== `drill:${drill}`) return;
    const path = `/wall/layouts/${encodeURIComponent(name)}`;
    await call(path, { ...shown.layout, branch }, 'PUT');
    await call(`${path}/show`, {});
    if (!isOn) await call(`/wall/layouts/${encodeURIComponent(shown.name)}`, {}, 'DELETE');
  }
  /** Go into a drill, or back to the real city. */
  function enter(name) {
    Object.assign(state, { branch: name, incident: null, alert: null, alarm: null, mark: null, isWriting: false, tab: 'incidents' });
    window.gunsan_desk_look.close();
    $('#detail').replaceChildren(el('p', { className: 'empty' }, w('desk.choose_one')));
    return load();
  }
  function score(told) {
    Object.assign(state, { incident: null, alert: null, mark: null });
    $('#detail').replaceChildren(...parts.scoreSheet(told));
  }
  const NEEDS_INCIDENT = new Set(['acknowledge', 'dispatch', 'notify', 'close', 'reopen', 'merge', 'add_task', 'note', 'done', 'skip', 'alert', 'share', 'look', 'pack']);
  const NEEDS_ALERT = new Set(['approve', 'withdraw', 'update', 'cancel']);
  const ALERT_KEYS = { acknowledge: 'approve', close: 'cancel', on_wall: 'withdraw' };
  async function act(verb, data = {}) {
    if (state.alert !== null && !state.isWriting && ALERT_KEYS[verb]) verb = ALERT_KEYS[verb]; // the same keys, for what is shown
    if (state.tab === 'shelved' && verb === 'out' && state.maintenance) [verb, data] = ['back', { maintenance: state.maintenance }];
    if (state.isWriting && verb !== 'leave_form') return;
    if (NEEDS_INCIDENT.has(verb) && !(verb === 'acknowledge' && chosenAlarm()) && state.incident === null) return;
    if (NEEDS_ALERT.has(verb) && state.alert === null && !data.alert) return;
    say('');
    try {
      await DO[verb](data);
      Object.assign(state, { mark: null, typed: null });
      await load();
    } catch (error) {
      say(parts.plainly(error.message));
    }
  }
  function tab(name) {
    Object.assign(state, { tab: name, alarm: null, maintenance: null });
    draw();
  }
  function step(by) {
    const all = [...document.querySelectorAll('#rows .row > button:first-child')];
    if (!all.length) return;
    const held = all.indexOf(document.activeElement);
    const before = state.tab === 'drills' || held >= 0 ? held : all.findIndex((one) => one.parentElement.classList.contains('is-chosen'));
    const next = all[before < 0 ? 0 : (before + by + all.length) % all.length];
    next.focus();
    if (state.tab !== 'drills') next.click(); // a drill is entered by Enter alone
    document.activeElement?.scrollIntoView({ block: 'nearest' });
  }

  document.addEventListener('click', ({ target }) => {
    const one = target.closest?.('button');
    if (!one) return;
    const { dataset } = one;
    if (one.id === 'help-button') $('#keys').showModal();
    else if (dataset.do) act(dataset.do, dataset);
    else if (dataset.tab) tab(dataset.tab);
    else if (dataset.incident) choose(Number(dataset.incident));
    else if (dataset.alert) choose(null, dataset.alert);
    else if (dataset.alarm || dataset.maintenance) {
      Object.assign(state, { alarm: Number(dataset.alarm) || null, maintenance: Number(dataset.maintenance) || null });
      choose([...state.lists.alarms, ...state.lists.shelved].find((one) => one.id === state.alarm && !one.began)?.incident ?? null);
    } else if (dataset.start) call('/drills', { scenario: dataset.start }).then((made) => enter(made.branch), (error) => say(parts.plainly(error.message)));
    else if (dataset.branch) enter(state.branch === dataset.branch ? 'live' : dataset.branch);
    else if (one.id === 'to-live') enter('live');
  });
  const KEYS = { a: 'acknowledge', d: 'dispatch', n: 'notify', c: 'close', r: 'reopen', m: 'merge', s: 'shelve', t: 'add_task', o: 'note', e: 'open', x: 'out', b: 'alert', u: 'update', w: 'on_wall', q: 'end_drill', p: 'score', l: 'share', i: 'look', g: 'to_live' };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || $('dialog[open]')) return;
    if (event.key === 'Escape' && state.isWriting) act('leave_form');
    if (event.target.matches?.('input, textarea, select')) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (TABS[Number(key) - 1]) tab(TABS[Number(key) - 1]);
    else if (key === 'j' || key === 'k') step(key === 'j' ? 1 : -1);
    else if (key === 'v') window.gunsan_bell.toggle();
    else if (key === '?') $('#keys').showModal();
    else if (KEYS[key]) act(KEYS[key]);
    else return;
    event.preventDefault();
  });
  listen();
  load();
  setInterval(load, POLL_MS);
})();
