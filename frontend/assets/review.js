// Signing the review of a month: the note becomes a row of the log, and the page shows it.
(function () {
  const form = document.getElementById('sign');
  if (!form) return;
  const said = form.querySelector('.said');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = JSON.stringify({ month: form.dataset.month, note: new FormData(form).get('note') });
    try {
      const answer = await fetch('/api/log/review', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, signal: AbortSignal.timeout(15000) });
      if (answer.ok) return window.location.reload();
      said.textContent = (await answer.json().catch(() => null))?.error?.what ?? form.dataset.lost;
    } catch {
      said.textContent = form.dataset.lost;
    }
    return undefined;
  });
})();
