const express = require('express');
const { createTaskManager } = require('resumable-sse');
const { checkStream } = require('./check-stream.cjs');

async function main() {
  // Without stop(): nothing of the manager may keep the process alive.
  await checkStream(express, createTaskManager());
  console.log('CommonJS, Express 4: ok');
}

void main();
