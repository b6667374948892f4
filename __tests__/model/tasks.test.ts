import { describeModel } from './describe-model.js';
import { inMemory } from './home.js';

describeModel('a task manager does what its model says', inMemory, { each: 40, stopped: 30 });
