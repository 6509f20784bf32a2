export declare const isNodeOnly: (entry: string) => boolean
export declare const isPeersOwn: (entry: string) => boolean
