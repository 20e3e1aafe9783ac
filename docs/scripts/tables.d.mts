/** Where the page lies, from the root of the repository. */
export declare const tablesPage: string;
/** The whole page. */
export declare function renderTables(): string;
