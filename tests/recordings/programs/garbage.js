// A Node program that makes garbage at a steady rate and keeps little: garbage.js NAME.
// What is resident rises until the collector runs.
process.title = process.argv[2];
let kept = [];
setInterval(() => {
  for (let n = 0; n < 400; n++) kept.push({ n, text: "x".repeat(200 + (n % 50)), list: new Array(40).fill(n) });
  if (kept.length > 60000) kept = kept.slice(50000);
}, 250);
