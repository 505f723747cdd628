import { Agent, fetch, type RequestInit, type Response } from 'undici';

const direct = new Agent();

/** As the global `fetch`, which asks a proxy even for this machine where NODE_USE_ENV_PROXY is set. */
export async function directFetch(url: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(url, { ...init, dispatcher: direct });
}
