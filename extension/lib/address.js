// Where Cordon is. `pack.py --port` rewrites this file and the manifest, and nothing else names the port.
export const HOST = "127.0.0.1:8642";
export const BASE = `http://${HOST}`;
