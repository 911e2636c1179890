import org.mlrelease.Settings

/** Runs a stage that may run the team's code: prepare, train, validate, report, monitor. It gets no key of the gate. */
int call(String stage, Map options = [:]) {
    Settings settings = new Settings(options)
    int code = 1
    mlReleaseInstalled(options, false) {
        List bound = []
        if (settings.credentials.candidateMlflow) {
            bound << usernamePassword(credentialsId: settings.credentials.candidateMlflow,
                usernameVariable: 'MLFLOW_TRACKING_USERNAME', passwordVariable: 'MLFLOW_TRACKING_PASSWORD')
        }
        withCredentials(bound) {
            code = mlReleaseStage(stage, options)
        }
    }
    return code
}
