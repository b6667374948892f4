import { MemoryResponse } from '../../support/sse/memory-response.js';

/** A response in memory with the part of Node's that refusals use. */
export class SimulatedResponse extends MemoryResponse {
  statusCode = 200;
  body = '';

  get headersSent(): boolean {
    return this.status !== undefined;
  }

  setHeader(name: string, value: string): this {
    this.headers[name] = value;
    return this;
  }

  getHeader(name: string): string | undefined {
    return this.headers[name];
  }

  hasHeader(name: string): boolean {
    return name in this.headers;
  }

  appendHeader(name: string, value: string): this {
    return this.setHeader(name, value);
  }

  flushHeaders(): void {
    this.status ??= this.statusCode;
  }

  override writeHead(status: number, headers: Record<string, string> = {}): this {
    return super.writeHead(status, { ...this.headers, ...headers });
  }

  override end(body?: string | Buffer): this {
    this.status ??= this.statusCode;
    this.body += String(body ?? '');
    return super.end();
  }
}
