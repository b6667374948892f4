import express from 'express';
import { createTaskManager } from 'resumable-sse';
import { checkStream } from './check-stream.cjs';

// Without stop(): nothing of the manager may keep the process alive.
await checkStream(express, createTaskManager());
console.log('ESM, Express 5: ok');
