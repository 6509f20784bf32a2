export declare const isNodeOnly: (entry: string) => boolean
