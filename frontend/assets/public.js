// The public map: a district is the lighter the more of the chosen figure it has; it says name and number when met.
(function () {
  const page = window.gunsan_plain;
  const choice = document.getElementById('map-figure');
  const said = document.getElementById('map-said');
  if (!choice) return;
  const names = new Map([...document.querySelectorAll('.unit')].map((unit) => [unit.dataset.unit, unit.getAttribute('aria-label')]));
  const figure = () => page.told?.figures.find((one) => one.id === choice.value);

  function paint() {
    const one = figure();
    if (!one) return;
    const values = Object.entries(one.districts).filter(([id]) => id !== '0').map(([, part]) => part.value).filter((value) => value !== null);
    const [low, high] = [Math.min(0, ...values), Math.max(...values, 1e-9)];
    for (const unit of document.querySelectorAll('.unit')) {
      const part = one.districts[unit.dataset.unit];
      const path = unit.querySelector('path');
      const isKnown = part && part.value !== null;
      path.style.fill = isKnown ? `color-mix(in srgb, var(--full) ${Math.round((90 * (part.value - low)) / (high - low || 1)) + 8}%, var(--none))` : '';
      path.classList.toggle('is-unknown', !isKnown);
      unit.setAttribute('aria-label', `${names.get(unit.dataset.unit)} ${part?.text ?? '–'}${one.unit}`);
    }
    say(met); // the number that stands beside the choice is that of the moment, too
  }
  let met = null;
  function say(unit) {
    met = unit ?? met;
    if (met && figure()) said.textContent = met.getAttribute('aria-label');
  }
  page.listeners.push(paint);
  choice.addEventListener('change', paint);
  for (const kind of ['pointerover', 'focusin', 'click']) document.querySelector('.outline')?.addEventListener(kind, ({ target }) => say(target.closest('.unit')));
})();
