// The bell: a sound for the two upper priorities, one at a time. Browsers make no sound before somebody has touched the
// page; until then, and when it is muted, the button says so.
(function () {
  const KEY = 'gunsan-bell';
  const TONE = { danger: [880, 3], alarm: [587, 2] };
  const STEP_S = 0.35;
  const RANK = ['alarm', 'danger'];
  const bell = (window.gunsan_bell = { isWanted: localStorage.getItem(KEY) !== 'off', rung: [], waits: null, hear, toggle });
  let audio = null;
  let ends = 0;

  const state = () => (!bell.isWanted ? 'off' : audio?.state === 'running' ? 'on' : 'wait');
  function draw() {
    bell.state = state();
    for (const button of document.querySelectorAll('[data-bell]')) {
      if (button.dataset.state === bell.state) continue;
      button.dataset.state = bell.state;
      button.querySelector('span').textContent = button.dataset[bell.state];
      button.setAttribute('aria-pressed', bell.state === 'on');
    }
  }
  function wake() {
    if (!bell.isWanted) return;
    if (!audio) {
      audio = new AudioContext();
      audio.onstatechange = draw;
    }
    if (audio.state === 'suspended') audio.resume().then(draw, () => {});
  }
  function toggle() {
    bell.isWanted = !bell.isWanted;
    localStorage.setItem(KEY, bell.isWanted ? 'on' : 'off');
    if (bell.isWanted) wake();
    else audio?.suspend();
    draw();
  }
  /** Ring for an event of the live channel; while it rings only a higher priority waits for its turn. */
  function hear({ kind, severity, detail }, branch = 'live') {
    if (!detail?.announces || !RANK.includes(severity) || !/^(drill_)?alarm_/.test(kind) || (detail.branch ?? 'live') !== branch) return;
    if (state() !== 'on') return;
    if (audio.currentTime >= ends) ring(severity);
    else if (RANK.indexOf(severity) > RANK.indexOf(bell.now) && bell.waits === null) {
      bell.waits = severity;
      setTimeout(() => {
        bell.waits = null;
        if (state() === 'on') ring(severity);
      }, (ends - audio.currentTime) * 1000);
    }
  }
  function ring(severity) {
    const [pitch, times] = TONE[severity];
    for (let n = 0; n < times; n++) {
      const [tone, gain] = [audio.createOscillator(), audio.createGain()];
      tone.frequency.value = pitch;
      gain.gain.value = 0.2;
      tone.connect(gain).connect(audio.destination);
      tone.start(audio.currentTime + n * STEP_S);
      tone.stop(audio.currentTime + n * STEP_S + 0.2);
    }
    ends = audio.currentTime + times * STEP_S;
    bell.now = severity;
    bell.rung.push({ severity, at: Date.now() });
    bell.rung.splice(0, bell.rung.length - 50);
  }
  document.addEventListener('click', ({ target }) => target.closest?.('[data-bell]') && toggle());
  for (const gesture of ['pointerdown', 'keydown']) document.addEventListener(gesture, ({ target }) => target.closest?.('[data-bell]') || wake(), true);
  new MutationObserver(draw).observe(document.documentElement, { childList: true, subtree: true });
  draw();
})();
