export interface AnalysisSettings { readonly language: string }
