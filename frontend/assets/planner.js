// What the planner does in the browser without the server: frames, play, the depth curve.
(function () {
  const skip = () => window.dash_clientside.no_update;
  const clock = (seconds) => `${Math.floor(seconds / 3600)}:${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}`;
  const colour = (depth) => (depth >= 0.3 ? '#e69f00' : '#56b4e9');
  const LEVELS = ['–', 'A', 'B', 'C', 'D', 'E', 'F'];
  const hour = (run, seconds) => (run.roads ? clock(run.roads.begins_h * 3600 + seconds) : clock(seconds));
  const el = (type, children, props = {}) => ({ namespace: 'dash_html_components', type, props: { children, ...props } });
  let place = null;

  window.dash_clientside = window.dash_clientside ?? {};
  window.dash_clientside.gunsan_planner = {
    show(run) {
      place = null;
      document.querySelector('#console')?.classList.toggle('is-forecast', Boolean(run?.issued));
      const word = document.querySelector('#mode-word');
      if (word) word.textContent = word.dataset.now = word.dataset[run?.issued ? 'forecast' : 'word'];
      if (run) window.gunsan_clock.leave(); // the bar is the run's
      const name = `time-bar${run?.roads ? ' is-traffic' : ''}${run?.roads && run.water ? ' has-water' : ''}${run?.minus ? ' is-difference' : ''}`;
      const view = run?.roads && run.minus ? 'flow' : skip();
      return run ? [run, false, name, run.times_s.length - 1, run.times_s.length - 1, view] : [null, true, name, 1, 0, skip()];
    },
    beside: (beside, run) => [beside ?? null, !beside, run?.named?.name ?? '', run?.named?.beside ?? ''],
    swipe: (value) => [Number(value ?? 50) / 100, { '--at': `${value ?? 50}%` }],
    frame: (value, run) => (run ? [Number(value), hour(run, run.times_s[Number(value)] ?? 0)] : [skip(), '']),
    view: (value) => [value, `traffic-legends is-${value}`],
    form: (value) => [value !== 'flood', value !== 'traffic'],
    play: (_, isPaused) => [!isPaused, isPaused ? '❚❚' : '▶'],
    step: (_, value, max) => (Number(value) >= Number(max) ? 0 : Number(value) + 1),
    water(clicked, frame, shown, run) {
      const which = new Set(window.dash_clientside.callback_context.triggered.map((one) => one.prop_id));
      const at = which.has('planner-map.clicked') ? clicked : which.has('planner-map.run_shown') ? shown?.place : null;
      if (at) place = at.traffic ?? at.water ?? null; // a run that is shown anew tells of the same place
      if (!place || !run) {
        document.querySelector('#water-curve')?.replaceChildren();
        return document.querySelector('#water-here').dataset.hint;
      }
      if (place.queue) return street(place, Number(frame), run);
      // water under traffic has times of its own, as on the map: those at which the bin of the roads ends
      const t = run.times_s[Number(frame)];
      const at_s = (run.roads ? run.water?.times_s : run.times_s) ?? [];
      const step = Math.max(0, at_s.findLastIndex((one) => one <= t));
      const now = place.depth_m[step] ?? 0;
      const most = Math.max(...place.depth_m.map(Math.abs), 0.1);
      const points = place.depth_m.map((d, n) => `${(n / Math.max(1, place.depth_m.length - 1)) * 240},${44 - (Math.abs(d) / most) * 40}`).join(' ');
      const x = (step / Math.max(1, place.depth_m.length - 1)) * 240;
      draw(points, x, most, colour(now));
      return `${now.toFixed(2)} m · ${hour(run, t)} (${place.lon.toFixed(5)}, ${place.lat.toFixed(5)})`;
    },
    /** Roads and areas that the planner marks on the map, and what is written of them. */
    closures(clicked, _finish, _clear, mode, kept, words) {
      // a click may come in one go with the choice of what to draw: all that was triggered counts
      const has = (name) => window.dash_clientside.callback_context.triggered.some((one) => one.prop_id.startsWith(name));
      const drawn = kept ?? { roads: [], areas: [], open: [] };
      if (has('close-clear')) Object.assign(drawn, { roads: [], areas: [], open: [] });
      else if (has('close-finish')) {
        if (drawn.open.length < 3) return [skip(), skip(), words['planner.three_points'], skip()];
        drawn.areas = [...drawn.areas, [...drawn.open, drawn.open[0]]];
        drawn.open = [];
      } else if (has('planner-map') && mode === 'road' && clicked?.road) {
        const known = drawn.roads.findIndex((one) => one.links.some((id) => clicked.road.links.includes(id)));
        drawn.roads = known >= 0 ? drawn.roads.filter((_, k) => k !== known) : [...drawn.roads, clicked.road];
      } else if (has('planner-map') && mode === 'area' && clicked?.at_place) drawn.open = [...drawn.open, clicked.at_place];
      else if (has('planner-map')) return [skip(), skip(), skip(), skip()];
      const roads = drawn.roads.map(({ name, links }) => el('Li', `✕ ${name || words['planner.nameless']} (${links.join(', ')})`));
      const areas = drawn.areas.map((ring, k) => el('Li', `▱ ${words['planner.area_drawn']} ${k + 1} (${ring.length - 1})`));
      const open = drawn.open.length ? [el('Li', `… ${drawn.open.length} ${words['planner.points']}`)] : [];
      const list = [...roads, ...areas, ...open];
      const sketch = { links: drawn.roads.flatMap((one) => one.links), areas: drawn.areas, open: drawn.open };
      return [{ ...drawn }, sketch, list.length ? el('Ul', list, { className: 'closures' }) : words['planner.no_closures'], mode === 'area' ? '' : 'is-quiet'];
    },
    notice(ready, link, error, shown, words) {
      const failed = error && !ready ? words['notice.error'] : shown?.error;
      const text = failed || (!ready ? words['notice.loading'] : link === 'lost' || link === 'stale' ? words[`notice.${link}`] : '');
      const kind = failed ? 'error' : !ready ? 'loading' : text ? link : 'quiet';
      const state = link ?? 'connecting';
      return [text, `notice is-${kind}`, `link is-${state}`, words[`link.${state}`]];
    },
  };

  /** What happens on one street: queue and level of service of the frame, the queue over time. */
  function street(at, frame, run) {
    const last = Math.max(1, at.queue.length - 1);
    const most = Math.max(...at.queue, 1);
    const points = at.queue.map((q, n) => `${(n / last) * 240},${44 - (q / most) * 40}`).join(' ');
    const level = at.service[frame] === 255 ? '✕' : LEVELS[at.service[frame]];
    draw(points, (frame / last) * 240, most, level === 'F' || level === 'E' ? '#e69f00' : '#97a4b0', run.roads.words.vehicles);
    const signed = (value) => (value >= 0 ? `+${value}` : `−${-value}`);
    const change = run.roads.words.change.replace('{flow}', signed(12 * at.more[frame])).replace('{speed}', signed(at.faster[frame]));
    return `${at.name || run.roads.words.nameless} · ${hour(run, run.times_s[frame])} · ${level} · ${run.roads.words.queue.replace('{n}', at.queue[frame])} · ${change}`;
  }

  function draw(points, x, most, stroke, unit = ' m') {
    const box = document.querySelector('#water-curve');
    if (!box) return;
    box.innerHTML = `<svg viewBox="0 0 240 48" width="240" height="48" role="img"><text x="2" y="9">${unit === ' m' ? most.toFixed(2) : most}${unit}</text><polyline points="${points}" fill="none" stroke="${stroke}" stroke-width="1.8"/><line x1="${x}" x2="${x}" y1="2" y2="46"/></svg>`;
  }

  document.addEventListener('keydown', (event) => {
    if (!document.querySelector('.is-what-if') || event.target.matches?.('input:not([type=range]), textarea, #run-swipe') || event.target.closest?.('#swipe, [role=radiogroup]')) return;
    if (event.key === ' ' && event.target.matches?.('button')) return; // it presses the button
    const slider = document.querySelector('#run-frame');
    if (!slider || document.querySelector('#time-bar')?.hidden) return;
    const set = (value) => window.dash_clientside.set_props('run-frame', { value });
    if (event.key === ' ') document.querySelector('#run-play').click();
    else if (event.key === 'ArrowRight') set(Math.min(Number(slider.max), Number(slider.value) + 1));
    else if (event.key === 'ArrowLeft') set(Math.max(0, Number(slider.value) - 1));
    else return;
    event.preventDefault();
  });
})();
