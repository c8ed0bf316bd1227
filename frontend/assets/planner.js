// What the planner does in the browser without the server: frames, play, the depth curve.
(function () {
  const skip = () => window.dash_clientside.no_update;
  const clock = (seconds) => `${Math.floor(seconds / 3600)}:${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}`;
  const colour = (depth) => (depth >= 0.3 ? '#e69f00' : '#56b4e9');
  let place = null;

  window.dash_clientside = window.dash_clientside ?? {};
  window.dash_clientside.gunsan_planner = {
    show(run) {
      place = null;
      const name = `time-bar${run?.minus ? ' is-difference' : ''}`;
      return run ? [run, false, name, run.times_s.length - 1, run.times_s.length - 1] : [null, true, name, 1, 0];
    },
    frame: (value, run) => (run ? [Number(value), clock(run.times_s[Number(value)] ?? 0)] : [skip(), '']),
    play: (_, isPaused) => [!isPaused, isPaused ? '❚❚' : '▶'],
    step: (_, value, max) => (Number(value) >= Number(max) ? 0 : Number(value) + 1),
    water(clicked, frame, shown, run) {
      const which = new Set(window.dash_clientside.callback_context.triggered.map((one) => one.prop_id));
      if (which.has('planner-map.clicked')) place = clicked?.water ?? null;
      if (!place || !run) return [skip(), which.has('planner-map.run_shown') ? null : skip()];
      const now = place.depth_m[Number(frame)] ?? 0;
      const most = Math.max(...place.depth_m.map(Math.abs), 0.1);
      const points = place.depth_m.map((d, n) => `${(n / Math.max(1, place.depth_m.length - 1)) * 240},${44 - (Math.abs(d) / most) * 40}`).join(' ');
      const x = (Number(frame) / Math.max(1, place.depth_m.length - 1)) * 240;
      draw(points, x, most, colour(now));
      return [`${now.toFixed(2)} m · ${clock(run.times_s[Number(frame)])} (${place.lon.toFixed(5)}, ${place.lat.toFixed(5)})`, skip()];
    },
    notice(ready, link, error, shown, words) {
      const failed = error && !ready ? words['notice.error'] : shown?.error;
      const text = failed || (!ready ? words['notice.loading'] : link === 'lost' || link === 'stale' ? words[`notice.${link}`] : '');
      const kind = failed ? 'error' : !ready ? 'loading' : text ? link : 'quiet';
      const state = link ?? 'connecting';
      return [text, `notice is-${kind}`, `link is-${state}`, words[`link.${state}`]];
    },
  };

  function draw(points, x, most, stroke) {
    const box = document.querySelector('#water-curve');
    if (!box) return;
    box.innerHTML = `<svg viewBox="0 0 240 48" width="240" height="48" role="img"><text x="2" y="9">${most.toFixed(2)} m</text><polyline points="${points}" fill="none" stroke="${stroke}" stroke-width="1.8"/><line x1="${x}" x2="${x}" y1="2" y2="46"/></svg>`;
  }

  document.addEventListener('keydown', (event) => {
    if (!document.querySelector('.is-what-if') || event.target.matches?.('input:not([type=range]), textarea')) return;
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
