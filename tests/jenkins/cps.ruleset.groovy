// What breaks a pipeline when Jenkins writes it to the disk (CPS). CodeNarc looks at files called Jenkinsfile alone by itself.
ruleset {
    ClassNotSerializable { applyToFileNames = '*.groovy' }
    ClosureInGString { applyToFileNames = '*.groovy' }
    CpsCallFromNonCpsMethod { applyToFileNames = '*.groovy'; cpsScriptVariableName = 'script' }
    ExpressionInCpsMethodNotSerializable { applyToFileNames = '*.groovy' }
    ForbiddenCallInCpsMethod { applyToFileNames = '*.groovy' }
    ObjectOverrideOnlyNonCpsMethods { applyToFileNames = '*.groovy' }
    ParameterOrReturnTypeNotSerializable { applyToFileNames = '*.groovy' }
}
