// The parts of the desk: what an incident, an alarm, a task, a line of the timeline look like. No state, no network.
(function () {
  const root = document.querySelector('#desk');
  if (!root) return;
  const words = JSON.parse(root.dataset.words);
  const marks = JSON.parse(root.dataset.marks);
  const signs = JSON.parse(root.dataset.signs);
  const language = document.documentElement.lang || 'ko';
  const w = (key) => words[key] ?? key.split('.').pop();

  /** Say a refusal in the reader's words, where it is one that everybody meets. */
  const REFUSALS = [[/still stand/, 'standing'], [/another person/, 'second'], [/vital/, 'vital'], [/already|no open task/, 'already'], [/needs the right|may not/, 'right'], [/needs a reason/, 'reason'], [/polygon|geocode/, 'ground'], [/has passed/, 'passed'], [/chain/, 'chain']];
  function plainly(message) {
    const known = REFUSALS.find(([pattern]) => pattern.test(message));
    return known ? w(`refused.${known[1]}`) : message;
  }

  /** Make an element: children may be text, elements, lists or nothing; what comes from outside is only ever text. */
  function el(tag, facts = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(facts)) {
      if (value === null || value === undefined || value === false) continue;
      if (name in made && name !== 'list') made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children.flat(3).filter((one) => one !== null && one !== undefined && one !== false));
    return made;
  }
  const KST = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Seoul', dateStyle: 'short', timeStyle: 'medium' });
  const at = (time) => (time ? KST.format(new Date(time)).slice(5) : '–');
  const name = (one) => (language === 'en' && (one.name_en || one.title_en)) || one.name_ko || one.title_ko || one.key || '';
  const unit = (one) => (language === 'en' && one.unit_en) || one.unit_ko || '';
  const mark = (severity) => el('span', { className: `severity is-${severity}` }, el('img', { src: marks[severity] ?? marks.info, alt: '' }), w(`severity.${severity}`));
  const age = (time) => el('time', { className: 'age', dateTime: time, title: at(time) });
  const until = (time) => w('desk.until').replace('{t}', at(time));
  const button = (verb, key, more = {}) => el('button', { type: 'button', 'data-do': verb, ...more }, el('kbd', {}, key), ' ', w(`desk.${verb}`));
  const by = (name) => words[`by.${name}`] ?? name.replace(/^share (\d+)$/, `${w('desk.share')} $1`);
  function span(seconds) {
    const s = Math.abs(Math.round(seconds));
    return s < 60 ? `${s}${w('unit.s')}` : s < 3600 ? `${Math.floor(s / 60)}${w('unit.min')} ${s % 60}${w('unit.s')}` : s < 172800 ? `${(s / 3600).toFixed(1)}${w('unit.h')}` : `${Math.floor(s / 86400)}${w('unit.d')}`;
  }

  const stateOf = (one) => w(one.has_grown ? 'state.grown' : `desk.${one.state}`);
  function incidentRow(one, isChosen) {
    const late = one.next_due && one.state !== 'closed' && Date.parse(one.next_due) < Date.now();
    return el('li', { className: `row is-${one.severity} ${one.unacknowledged || one.state === 'new' ? 'is-new' : ''} ${isChosen ? 'is-chosen' : ''}` },
      el('button', { type: 'button', 'data-incident': one.id },
        el('span', { className: 'row-head' }, mark(one.severity), el('span', { className: 'state' }, stateOf(one)), age(one.opened)),
        el('strong', {}, language === 'en' ? one.title_en : one.title_ko),
        el('span', { className: 'row-facts' }, [unit(one), `${w('desk.standing')} ${one.standing}/${one.alarms}`, `${w('desk.tasks')} ${one.tasks_open}`].filter(Boolean).join(' · '), late ? el('b', { className: 'late' }, ` ${w('desk.overdue')}`) : null)));
  }
  function alarmRow(one, isChosen) {
    const place = [name(one), unit(one)].filter(Boolean).join(' · ');
    const aside = one.state === 'SHLVD' ? `${place} — ${one.shelved_reason} · ${by(one.shelved_by)} · ${until(one.shelved_until)}` : place;
    const verb = one.state === 'SHLVD' ? 'unshelve' : one.state === 'UNACK' || one.state === 'RTNUN' ? 'ack_alarm' : null;
    return el('li', { className: `row is-${one.severity} sign-${signs[one.state]} ${isChosen ? 'is-chosen' : ''}` },
      el('button', { type: 'button', 'data-alarm': one.id },
        el('span', { className: 'row-head' }, mark(one.severity), el('span', { className: 'state' }, w(`state.${one.state}`)), age(one.onset)),
        el('strong', {}, one.title[language]), el('span', { className: 'row-facts' }, aside), el('span', { className: 'row-action' }, one.action[language])),
      el('span', { className: 'row-do' }, verb ? button(verb, verb === 'unshelve' ? 'S' : 'A', { 'data-alarm': one.id }) : null,
        one.state === 'SHLVD' || one.is_vital ? null : button('shelve', 'S', { 'data-alarm': one.id }),
        one.asset && one.state !== 'SHLVD' ? button('out', 'X', { 'data-asset': one.asset, 'data-name': name(one) }) : null,
        one.incident ? el('button', { type: 'button', 'data-incident': one.incident }, `#${one.incident}`) : null));
  }
  /** An asset that is out of service. */
  function outRow(one, isChosen) {
    return el('li', { className: `row sign-crossed ${isChosen ? 'is-chosen' : ''}` },
      el('button', { type: 'button', 'data-maintenance': one.id },
        el('span', { className: 'row-head' }, el('b', {}, w('desk.out_of_service')), age(one.began)),
        el('strong', {}, name(one)), el('span', { className: 'row-facts' }, `${one.reason} · ${by(one.by)} · ${until(one.until)}`)),
      el('span', { className: 'row-do' }, button('back', 'X', { 'data-maintenance': one.id })));
  }
  function drillRow(one, isChosen) {
    const isOn = !one.ended;
    return el('li', { className: `row ${isChosen ? 'is-chosen' : ''}` },
      el('button', { type: 'button', 'data-branch': one.branch }, el('span', { className: 'row-head' }, el('span', { className: 'state' }, isOn ? w('desk.running') : w('desk.ended')), age(one.began)), el('strong', {}, one.title), el('span', { className: 'row-facts' }, `${w('desk.injects')} ${one.injected}/${one.injects}`)),
      el('span', { className: 'row-do' }, isOn ? button('end_drill', 'Q', { 'data-drill': one.id }) : null, button('score', 'P', { 'data-drill': one.id }), isOn ? button('on_wall', 'W', { 'data-drill': one.id }) : null));
  }
  function task(one, incident) {
    const isOpen = one.state === 'open';
    return el('li', { className: `task is-${one.state}` }, el('span', { className: 'task-text' }, language === 'en' ? one.title_en : one.title_ko),
      isOpen && incident.state !== 'closed' && one.due ? el('span', { className: 'timer', 'data-due': one.due }) : el('span', { className: 'faint' }, isOpen ? (incident.state === 'closed' ? w('desk.not_done') : '') : [w(`desk.${one.state}`), by(one.ended_by ?? ''), at(one.ended), one.note].filter(Boolean).join(' · ')),
      isOpen && incident.state !== 'closed' ? [el('button', { type: 'button', 'data-do': 'done', 'data-task': one.id }, w('desk.done')), el('button', { type: 'button', 'data-do': 'skip', 'data-task': one.id }, w('desk.skip'))] : null);
  }
  const section = (title, ...children) => el('section', {}, el('h3', {}, title), ...children);
  const list = (items, empty) => (items.length ? el('ol', {}, items) : el('p', { className: 'faint' }, empty));
  const cause = (rule, incident) => words[`cause.${rule}`] ?? incident.alarm_list.find((one) => one.rule === rule)?.title[language] ?? rule;
  function said(entry, incident) {
    const { detail } = entry;
    const alarm = incident.alarm_list.find((one) => one.id === detail.alarm);
    const text = typeof detail.text === 'object' ? detail.text?.[language] : detail.text;
    return [text, alarm && name(alarm), entry.kind === 'task' && w(`desk.${detail.state}`), detail.title, detail.reason, detail.who, detail.role && w(`role.${detail.role}`), detail.name, detail[`title_${language}`] || detail.title_ko, detail.note, alarm ? alarm.title[language] : detail.rule, detail.cause && `(${cause(detail.cause, incident)})`, detail.error, detail.identifier, Array.isArray(detail.cameras) && detail.cameras.join(', ')].filter(Boolean).join(' · ');
  }

  /** The whole of one incident. */
  function detail(one, { notices, cameras, facilities, shares, isWaiting }) {
    const isOpen = !['closed', 'merged'].includes(one.state);
    const verbs = [
      isOpen && (one.state === 'new' || one.unacknowledged > 0) && button('acknowledge', 'A'), isOpen && button('dispatch', 'D'), isOpen && button('notify', 'N', { disabled: notices.length > 0 }),
      isOpen && button('share', 'L'), isOpen && button('add_task', 'T'), button('note', 'O'), isOpen && button('alert', 'B'), isOpen && button('merge', 'M'), isOpen && button('close', 'C'), one.state === 'closed' && button('reopen', 'R'),
    ];
    const standing = one.alarm_list.filter((row) => ['UNACK', 'ACKED', 'DSUPR'].includes(row.state));
    const RANK = ['info', 'caution', 'alarm', 'danger'];
    const todo = isOpen && standing.filter((row) => row.silenced_by !== 'unconfirmed').sort((a, b) => RANK.indexOf(b.severity) - RANK.indexOf(a.severity) || (a.state === 'DSUPR') - (b.state === 'DSUPR'))[0];
    const members = [...new Map(one.alarm_list.map((row) => [row.id, row])).values()]; // one that came back is listed once
    const calm = isOpen && one.alarms > 0 && !standing.length && one.calm_since;
    const first = one.ledger.find((row) => row.mark === 'sign');
    return [
      el('header', { className: `case is-${one.severity}` }, el('div', { className: 'row-head' }, mark(one.severity), el('span', { className: 'state' }, stateOf(one)), el('span', {}, `#${one.id}`), age(one.opened), one.reason ? el('span', { className: 'faint' }, one.reason) : null),
        el('h2', {}, language === 'en' ? one.title_en : one.title_ko), el('p', { className: 'faint' }, [unit(one), one.lon === null ? '' : `${one.lat.toFixed(5)}, ${one.lon.toFixed(5)}`].filter(Boolean).join(' · ')), el('div', { className: 'verbs' }, verbs)),
      calm ? el('p', { className: 'hint' }, `${w('desk.calm')} ${at(one.calm_since)}`) : todo ? el('p', { className: 'hint is-action' }, el('b', {}, `${w('desk.action')} `), todo.action[language]) : null,
      el('ol', { className: 'ledger', title: w('desk.ledger') }, one.ledger.map((row) => el('li', { className: row.at ? 'is-set' : '' }, el('span', {}, w(`mark.${row.mark}`)), el('b', {}, row.at ? (row === first ? at(row.at).slice(6) : `+${span(row.after_s)}`) : '–')))),
      el('div', { className: 'columns' },
        el('div', {},
          section(w('desk.tasks'), list(one.tasks.map((row) => task(row, one)), w('desk.no_tasks'))),
          section(w('desk.notices'), isOpen && notices.some((row) => ['not_configured', 'failed'].includes(row.state)) ? el('p', { className: 'hint is-warning' }, w('desk.call_them')) : null, list(notices.map((row) => el('li', { className: `notice is-${row.state}` }, el('b', {}, row.position), ` ${w(`role.${row.role}`)}${row.name === row.role ? '' : ` · ${row.name}`}`, el('span', { className: 'state' }, `${w(`desk.${row.state}`)}${row.channel ? ` · ${row.channel}` : ''}`), row.error ? el('small', {}, row.error) : null)), w('desk.no_notices'))),
          window.gunsan_desk_share.list(shares),
          section(w('desk.cameras'), cameras.length && isOpen ? el('p', { className: 'verbs' }, button('look', 'I')) : null, list(cameras.map((row) => el('li', {}, `${name(row)} · ${row.distance_m} m`, el('span', { className: 'state' }, !row.works ? w('desk.broken') : row.sees ? w('desk.sees') : row.is_clear ? w('desk.turned') : w('desk.hidden')))), isWaiting ? '…' : w('desk.no_cameras'))),
          section(w('desk.facilities'), list(facilities.map((row) => el('li', {}, `${w(`role.${row.kind}`)} · ${name(row)}`, el('span', { className: 'state' }, row.road_s === null ? w('desk.no_road') : `${Math.max(1, Math.round(row.road_s / 60))}${w('unit.min')}`))), '–'))),
        el('div', {},
          one.lon === null ? null : el('div', { className: 'still', 'data-case-map': one.id, 'aria-label': w('desk.map') }),
          section(w('desk.timeline'), el('ol', { className: 'timeline' }, [...one.timeline].reverse().map((row) => el('li', {}, el('time', { dateTime: row.at }, at(row.at)), el('b', {}, w(`entry.${row.kind}`)), el('span', {}, said(row, one)), el('span', { className: 'faint' }, by(row.by)))))),
          section(`${w('desk.standing')} ${one.standing}/${one.alarms}`, list(members.map((row) => el('li', {}, mark(row.severity), ` ${name(row) || row.layer} `, el('span', { className: 'faint' }, row.title[language]), el('span', { className: 'state' }, row.state === 'DSUPR' && row.silenced_by ? `${w('desk.silent')}: ${cause(row.silenced_by, one)}` : w(`state.${row.state}`)), isOpen && standing.includes(row) ? [row.is_vital ? null : button('shelve', '', { 'data-alarm': row.id }), row.asset ? button('out', '', { 'data-asset': row.asset, 'data-name': name(row) }) : null] : null)), '–')),
          section(w('desk.pack'), el('p', { className: 'verbs' }, ['html', 'pdf', 'csv'].map((kind) => el('button', { type: 'button', 'data-do': 'pack', 'data-kind': kind }, kind.toUpperCase())))))),
    ].filter(Boolean);
  }
  /** Draw where it is, what has alarms, and which cameras see it. */
  function drawCase(one, { cameras }) {
    const box = document.querySelector('[data-case-map]');
    if (!box) return;
    const alarms = one.alarm_list.filter((row) => row.lon !== null).map((row) => ({ lon: row.lon, lat: row.lat, kind: row.severity }));
    const eyes = cameras.map((row) => ({ ...row, lon: row.longitude, lat: row.latitude }));
    window.gunsan_still.draw(box, {
      shapes: eyes.filter((row) => row.sees).map((row) => ({ points: [[row.lon, row.lat], [one.lon, one.lat]], kind: 'sight' })),
      marks: [...alarms, ...eyes.map((row) => ({ lon: row.lon, lat: row.lat, kind: row.sees ? 'camera' : 'blind', text: name(row) })), { lon: one.lon, lat: one.lat, kind: 'place' }],
    });
  }
  function scoreSheet(told) {
    const heads = ['inject', 'expected', 'within', 'after', 'result'].map((key) => el('th', { scope: 'col' }, w(`desk.score_${key}`)));
    const row = (one) => el('tr', { className: one.passed ? 'is-passed' : one.is_given ? 'is-missed' : 'is-waiting' }, el('td', {}, one.title?.[language] ?? one.inject), el('td', {}, w(`entry.${one.action}`)), el('td', {}, `≤ ${span(one.within_s)}`), el('td', {}, one.after_s === null ? '–' : span(one.after_s)), el('td', {}, one.passed ? `✓ ${w('desk.passed')}` : one.is_given ? `✕ ${w('desk.missed')}` : `– ${w('desk.not_given')}`));
    return [
      el('header', { className: 'case' }, el('div', { className: 'row-head' }, el('span', { className: 'state' }, told.ended ? w('desk.ended') : w('desk.running')), el('span', {}, `${at(told.began)} – ${told.ended ? at(told.ended) : ''}`), el('span', {}, by(told.by))), el('h2', {}, `${told.title} · ${told.points}/${told.possible}`), told.sheet.some((one) => !one.is_given) ? el('p', { className: 'faint' }, w('desk.not_given_note')) : null),
      el('table', { className: 'score' }, el('thead', {}, el('tr', {}, heads)), el('tbody', {}, told.sheet.map(row))),
    ];
  }
  window.gunsan_desk = { el, w, until, layers: JSON.parse(root.dataset.layers), language, at, section, plainly, drawCase, outRow, incidentRow, alarmRow, drillRow, detail, scoreSheet, span, scenarios: JSON.parse(root.dataset.scenarios), topics: JSON.parse(root.dataset.topics) };
})();
