// The default theme with our colours. No fonts are loaded: the reader's own are used.
import Theme from "vitepress/theme-without-fonts";
import "./style.css";

// VitePress finds a theme by its default export alone.
export default Theme;
