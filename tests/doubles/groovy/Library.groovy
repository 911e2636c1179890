import java.lang.annotation.*

/** Stands for pipeline-groovy-lib's: `@Library('name@version') _`. */
@Retention(RetentionPolicy.RUNTIME)
@Target([ElementType.LOCAL_VARIABLE, ElementType.FIELD, ElementType.TYPE, ElementType.PACKAGE])
@interface Library { String[] value() default [] }
