const express = require('express');
const { createTaskManager } = require('resumable-sse');
const { checkStream } = require('./check-stream.cjs');

it('streams and resumes under a Jest in CommonJS mode', async () => {
  const tasks = createTaskManager();
  await checkStream(express, tasks);
  await tasks.stop();
});
