// A page without a browser: runs scripts in one global scope and tells what has become of it.
// One JSON line in, one JSON line out: {"run": script}, {"value": expression}, {"until": expression} (waits for truth),
// {"tick": milliseconds} (lets the intervals' clock go on). What a script writes to the console is kept in `printed`.
"use strict";

const { mock } = require("node:test");
const { createInterface } = require("node:readline");
const { runInThisContext } = require("node:vm");

const WAIT_MS = 2;

globalThis.printed = [];
for (const level of ["log", "warn", "error"]) console[level] = (...words) => printed.push(words);
process.on("uncaughtException", (error) => printed.push(["uncaught", error.stack]));
mock.timers.enable({ apis: ["setInterval"] });

const answer = (value) => process.stdout.write(JSON.stringify({ value: value ?? null }) + "\n");

function until(expression) {
    const value = runInThisContext(expression);
    if (value) answer(value);
    else setTimeout(until, WAIT_MS, expression);
}

const actions = {
    run: (script) => answer(void runInThisContext(script)),
    value: (expression) => answer(runInThisContext(expression)),
    tick: (milliseconds) => answer(mock.timers.tick(milliseconds)),
    until,
};

createInterface({ input: process.stdin })
    .on("line", (line) => {
        const [[action, argument]] = Object.entries(JSON.parse(line));
        try {
            actions[action](argument);
        } catch (error) {
            process.stdout.write(JSON.stringify({ error: error.stack }) + "\n");
        }
    })
    .on("close", () => process.exit());
