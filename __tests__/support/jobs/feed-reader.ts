export { FeedReader } from '../../../lib/testing/feed-reader.js';
